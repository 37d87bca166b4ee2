"""What was decided about the installation that is there: read from its objects, so that nobody has to say it again.

`ome install` takes what its options leave open from here, whichever way the installation was made. Reading is apart
from what is made of it, which is pure.
"""

import re
from dataclasses import dataclass, replace

from pipelines.install import argo
from pipelines.install.connection import RESOURCE_TYPES, InstallApi
from pipelines.install.controller import CONTROLLER, MODELS_ROOT
from pipelines.install.objects import VERSION, Object, is_ours
from pipelines.install.options import NAMESPACE, SETTABLE, Options
from pipelines.templates.settings import MODELS_ROOT_VARIABLE, SETTINGS, STEPS_TEMPLATE

_WORDS = {
    "registry": "image registry", "tag": "image tag", "pull_policy": "pull policy", "models_root": "models root",
    "replicas": "controllers", "argo": "Argo", "argo_registry": "registry of Argo's images",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Live:
    """The objects of an installation that say how it was made; None for one that is not there.

    Attributes:
        settings: The ConfigMap of settings.
        controller: The controller's Deployment.
        argo: The Deployment of Argo's controller in the system namespace.
        template: One of the workflow templates, for the version that it came with.
    """

    settings: Object | None = None
    controller: Object | None = None
    argo: Object | None = None
    template: Object | None = None


def read_live(api: InstallApi) -> Live:
    """Read an installation, or what there is of one."""
    return Live(
        settings=api.find(RESOURCE_TYPES["ConfigMap"], SETTINGS, NAMESPACE),
        controller=api.find(RESOURCE_TYPES["Deployment"], CONTROLLER, NAMESPACE),
        argo=api.find(RESOURCE_TYPES["Deployment"], argo.CONTROLLER, NAMESPACE),
        template=api.find(RESOURCE_TYPES["WorkflowTemplate"], STEPS_TEMPLATE, NAMESPACE),
    )


def options_of(live: Live) -> Options:
    """The options that an installation has; the defaults where it does not say.

    An image tag that came with another version is not kept: templates of one version do not run on images of another.
    """
    found = Options()
    data = (live.settings or {}).get("data") or {}
    found = replace(
        found,
        models_root=data.get(MODELS_ROOT_VARIABLE) or installed_root(live) or found.models_root,
        settings={name: value for name, value in data.items() if name in SETTABLE},
    )
    if live.controller is not None:
        container = live.controller["spec"]["template"]["spec"]["containers"][0]
        registry, tag = _image(container, CONTROLLER)
        version = version_of_templates(live) or found.tag
        found = replace(
            found,
            registry=registry or found.registry,
            tag=tag if tag and version == found.tag else found.tag,
            pull_policy=container.get("imagePullPolicy") or found.pull_policy,
            replicas=live.controller["spec"].get("replicas", found.replicas),
            resources=container.get("resources") or found.resources,
        )
    if live.argo is not None and is_ours(live.argo):
        registry, _ = _image(live.argo["spec"]["template"]["spec"]["containers"][0], argo.CONTROLLER)
        found = replace(found, argo="bundled", argo_registry=registry or found.argo_registry)
    return found


def installed_root(live: Live) -> str:
    """The models root that the controller was installed with, which outlives the settings; "" where it has none."""
    template = ((live.controller or {}).get("spec") or {}).get("template") or {}
    return str(((template.get("metadata") or {}).get("annotations") or {}).get(MODELS_ROOT, ""))


def version_of_templates(live: Live) -> str:
    """The version that the workflow templates came with; "" where they do not say."""
    return str(((live.template or {}).get("metadata") or {}).get("labels", {}).get(VERSION, ""))


def kept(before: Options, chosen: Options) -> list[str]:
    """What of an installation is no default and goes on, in words; values of settings may have passwords in them."""
    plain = Options()
    said = [
        f"{words} {getattr(chosen, name)}"
        for name, words in _WORDS.items()
        if getattr(chosen, name) == getattr(before, name) != getattr(plain, name)
    ]
    if chosen.resources == before.resources != plain.resources:
        said.append("resources of the controller")
    return said + [name for name, value in chosen.settings.items() if before.settings.get(name) == value]


def _image(container: Object, name: str) -> tuple[str, str]:
    """Registry and tag of an image of that name; "" for both where it is another one, or has no tag."""
    found = re.fullmatch(rf"(.+)/{name}:([\w.-]+)", str(container.get("image", "")))
    return (found[1], found[2]) if found else ("", "")
