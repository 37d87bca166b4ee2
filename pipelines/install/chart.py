"""The Helm chart, rendered from the same objects: what its values decide is marked in them and replaced in the text.

A mark is an expression of Helm between `⟦` and `⟧`, put where an option or a value of an object goes. Workflow
templates are full of Argo's own braces, so the chart keeps them as plain files and only replaces their marks.
"""

import re
from importlib.metadata import version
from typing import Any

from crds.yaml_text import yaml_text
from pipelines.install import argo, controller
from pipelines.install.accounts import access_objects
from pipelines.install.objects import Object
from pipelines.install.options import ARGO_VERSION, NAMESPACE, Options
from pipelines.install.peers import peer_objects
from pipelines.install.workflow_templates import workflow_templates

_REGISTRY = ".Values.image.registry"
_TAG = ".Values.image.tag | default .Chart.AppVersion"
_PULL_POLICY = ".Values.image.pullPolicy"
_MODELS_ROOT = ".Values.modelsRoot"
_ARGO_REGISTRY = ".Values.argo.registry"
_ARGO_DEFINITIONS = "argo-definitions"
_ARGO_CHART = f"charts/{_ARGO_DEFINITIONS}"
"""Helm installs every `crds/` of a chart, whatever its values, but none of a part that a condition leaves out."""


def chart_files() -> dict[str, str]:
    """Every file of the chart by its path in it; the definitions of ome.io are links (`pipelines.install.files`)."""
    options = Options(
        registry=_mark(_REGISTRY),
        tag=_mark(_TAG),
        pull_policy=_mark(_PULL_POLICY),
        models_root=_mark(_MODELS_ROOT),
        argo_registry=_mark(_ARGO_REGISTRY),
    )
    templates = {each["metadata"]["name"]: each for each in workflow_templates(options)}
    return {
        "Chart.yaml": _dump([_about()]),
        "values.yaml": _values(),
        f"{_ARGO_CHART}/Chart.yaml": _dump([_about_argo_definitions()]),
        **{f"{_ARGO_CHART}/crds/{each['metadata']['name']}.yaml": _dump([each]) for each in argo.definitions()},
        **{f"workflow-templates/{name}.yaml": _dump([each]) for name, each in templates.items()},
        "templates/access.yaml": _template(access_objects()),
        "templates/peers.yaml": _template(peer_objects()),
        "templates/settings.yaml": _template([_settings(options)]),
        "templates/controller.yaml": _template([_deployment(options)]),
        "templates/argo.yaml": _when(".Values.argo.bundled", _template(argo.argo_objects(options))),
        "templates/workflow-templates.yaml": _templates_reader(),
        "templates/NOTES.txt": _NOTES,
    }


def _about() -> Object:
    return {
        "apiVersion": "v2",
        "name": "ome-pipelines",
        "description": "The life of large language models on Kubernetes, as Argo Workflows.",
        "type": "application",
        "version": version("ome-pipelines"),
        "appVersion": version("ome-pipelines"),
        "kubeVersion": ">=1.30.0-0",
        "dependencies": [
            {"name": _ARGO_DEFINITIONS, "version": version("ome-pipelines"), "condition": "argo.bundled"},
        ],
    }


def _about_argo_definitions() -> Object:
    return {
        "apiVersion": "v2",
        "name": _ARGO_DEFINITIONS,
        "description": "The kinds of the Argo Workflows that is bundled; one that is there already keeps its own.",
        "type": "application",
        "version": version("ome-pipelines"),
        "appVersion": ARGO_VERSION,
    }


def _values() -> str:
    plain = Options()
    resources = yaml_text([{"resources": {k: dict(v) for k, v in plain.resources.items()}}])
    indented = "".join(f"  {line}\n" for line in resources.splitlines())
    return f"""\
# Images of ome-pipelines. The tag is the chart's version when it is empty.
image:
  registry: {plain.registry}
  tag: ""
  pullPolicy: {plain.pull_policy}

# The folder on nodes that holds models.
modelsRoot: {plain.models_root}

# Environment variables of every step, such as HF_ENDPOINT, HTTPS_PROXY, NO_PROXY.
settings: {{}}

controller:
  replicas: {plain.replicas}
{indented}
# Argo Workflows comes along when bundled, for this namespace alone; else the cluster's own has to watch it.
argo:
  bundled: false
  registry: {plain.argo_registry}
"""


_NOTES = f"""\
ome-pipelines {{{{ .Chart.AppVersion }}}} is installed in namespace {{{{ .Release.Namespace }}}}.

  ome doctor                        what is missing on this cluster, each with its remedy
  kubectl get pods -n {NAMESPACE}          the controller

Helm does not change definitions that are there already. After an upgrade of the chart:
  kubectl apply --server-side --force-conflicts -k crds/manifests
"""


def _settings(options: Options) -> Object:
    found = controller.settings(options)
    own = " ".join(f'"{name}" ({value.strip("⟦⟧")})' for name, value in found["data"].items())
    found["data"] = _mark(f"block merge (dict {own}) .Values.settings")
    return found


def _deployment(options: Options) -> Object:
    found = controller.deployment(options)
    found["spec"]["replicas"] = _mark(".Values.controller.replicas")
    found["spec"]["template"]["spec"]["containers"][0]["resources"] = _mark("block .Values.controller.resources")
    return found


def _mark(expression: str) -> str:
    return f"⟦{expression}⟧"


def _dump(objects: list[Any]) -> str:
    return yaml_text(objects, width=10_000)


def _template(objects: list[Object]) -> str:
    """Objects as a template of Helm: braces of their own are escaped, and marks become expressions."""
    text = _dump(objects).replace("{{", '{{ "{{" }}')
    lines = [_expressions(line) for line in text.splitlines()]
    return "\n".join(lines) + "\n"


def _when(condition: str, text: str) -> str:
    return f"{{{{- if {condition} }}}}\n{text}{{{{- end }}}}\n"


def _expressions(line: str) -> str:
    indent = len(line) - len(line.lstrip(" -")) + 2
    line = re.sub(r"'?⟦block (.*?)⟧'?", rf"{{{{- toYaml (\1) | nindent {indent} }}}}", line)
    return re.sub(r"⟦(.*?)⟧", r"{{ \1 }}", line)


def _templates_reader() -> str:
    replaced = " ".join(
        f'| replace "{_mark(expression)}" ({expression.replace(".Values", "$.Values").replace(".Chart", "$.Chart")})'
        for expression in (_REGISTRY, _TAG, _PULL_POLICY, _MODELS_ROOT)
    )
    return (
        '{{- if ne .Release.Namespace "' + NAMESPACE + '" }}\n'
        '{{- fail "ome-pipelines runs in the namespace ' + NAMESPACE + ": helm install … --namespace " + NAMESPACE
        + ' --create-namespace" }}\n{{- end }}\n'
        '{{- range $path, $_ := .Files.Glob "workflow-templates/*.yaml" }}\n---\n'
        "{{ $.Files.Get $path " + replaced + " }}\n{{- end }}\n"
    )  # fmt: skip
