"""The workflow templates as an installation has them: in its namespace, with its images and its models root."""

import copy
from typing import Any

from images.environment import image_name
from pipelines.export import templates
from pipelines.install.objects import Object
from pipelines.install.options import NAMESPACE, Options
from pipelines.templates.settings import IMAGE_VARIABLE, MODELS_ROOT


def workflow_templates(options: Options) -> list[Object]:
    """Every workflow template, in the order in which people should meet them."""
    return [installed(template, options) for template in templates().values()]


def installed(template: Object, options: Options) -> Object:
    """One template with what this installation decides."""
    found = copy.deepcopy(template)
    found["metadata"]["namespace"] = NAMESPACE
    for each in found["spec"].get("templates", ()):
        script = each.get("script")
        if script is not None:
            script["image"] = options.image(image_name(script["image"]))
            script["imagePullPolicy"] = options.pull_policy
            for variable in script["env"]:
                if variable["name"] == IMAGE_VARIABLE:
                    variable["value"] = options.image(image_name(variable["value"]))
            _move_models(each, script, options.models_root)
    return found


def _move_models(template: Object, script: Object, root: str) -> None:
    """A model has one path, on the node and in every pod, so that what a step writes down is true in the next."""
    places: list[tuple[dict[str, Any], str]] = [
        *((mount, "mountPath") for mount in script.get("volumeMounts", ())),
        *((volume["hostPath"], "path") for volume in template.get("volumes", ()) if "hostPath" in volume),
    ]
    for place, key in places:
        if place[key] == MODELS_ROOT:
            place[key] = root
