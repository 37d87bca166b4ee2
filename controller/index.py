"""By what objects are found beside their names: a resource's runs, a service's pods, the services of a model.

`controller.store` keeps these entries with each object; `controller.routes` asks them which keys a change concerns.
Each entry is a tuple that begins with the name of its index.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from controller.actions import Object
from crds import labels
from crds.metadata import FIT
from crds.storage_location import stays_in_claim
from steps.serving.cluster.companions import COMPANION_KINDS

Entry = tuple[str, ...]

RUN = "run"
"""pipeline, kind, namespace, name: a Workflow is a run of that pipeline for that resource."""
KEPT_FOR = "kept-for"
"""kind, namespace, name: a CronWorkflow is kept for that resource."""
OWNED = "owned"
"""namespace, service: a Deployment, what it was made with, or a Pod belongs to that service."""
USES_MODEL = "uses-model"
"""name: an InferenceService names that model, or a BenchmarkJob measures it by URL."""
ENFORCES_FIT = "enforces-fit"
"""name: an InferenceService lets that model be fetched only if it fits; "": so does any service, or a model itself."""
MEASURES = "measures"
"""namespace, service: a BenchmarkJob measures that service."""
NODE_ENTRY = "node-entry"
"""The key of a model in the ConfigMaps of nodes."""
NODE_LABEL = "node-label"
"""key: a label on nodes that says of that model whether they hold it."""
FOLDER = "folder"
"""path: a model's files are in that folder of nodes or below it; one that begins with ~ is below the models root."""
SECRET = "secret"  # noqa: S105 - the name of an index
"""name: a model is fetched with that Secret's token."""
ARTIFACT = "artifact"
"""first 12 digits of a digest: a model's files have the manifest whose ConfigMaps are labelled with them."""
BRINGS = "brings"
"""digest, without its algorithm: a run has resolved its model to that manifest."""
SHORTENED = "shortened"
"""kind, namespace, name, as label values hold them: a resource whose name or namespace a label cannot hold."""

_SCOPES = {"ClusterBaseModel", "BaseModel"}
_IMPORTS = {"import-model", "onboard-model"}


def entries(item: Object) -> tuple[Entry, ...]:
    """The entries of one object."""
    find = _ENTRIES.get(item["kind"])
    return tuple(dict.fromkeys(find(item))) if find else ()


def resource_entry(kind: str, namespace: str, name: str) -> Entry:
    """A resource as labels name it."""
    return kind, labels.label_value(namespace), labels.label_value(name)


def folders_of(folder: str, models_root: str) -> tuple[Entry, ...]:
    """What to look up for the models that have their files in a folder or below it."""
    root = models_root.rstrip("/")
    if f"{root}/".startswith(f"{folder}/"):
        return (FOLDER, folder), (FOLDER, "~")
    if folder.startswith(f"{root}/"):
        return (FOLDER, folder), (FOLDER, f"~{folder.removeprefix(root)}")
    return ((FOLDER, folder),)


def arguments_of(run: Object) -> dict[str, str]:
    """A run's parameters: those that it was given, and its template's defaults for those left out."""
    stored = (run.get("status") or {}).get("storedWorkflowTemplateSpec") or {}
    found: dict[str, str] = {}
    for arguments in (stored.get("arguments"), (run.get("spec") or {}).get("arguments")):
        for parameter in (arguments or {}).get("parameters") or ():
            if "value" in parameter:
                found[str(parameter.get("name", ""))] = str(parameter["value"])
    return found


def _of_run(run: Object) -> Iterable[Entry]:
    found = _labels(run)
    pipeline = found.get(labels.PIPELINE, "")
    if labels.KIND in found:
        yield RUN, pipeline, found[labels.KIND], found.get(labels.NAMESPACE, ""), found.get(labels.NAME, "")
    for kind, namespace, name in _asked_for(pipeline, arguments_of(run)):
        if kind != found.get(labels.KIND):  # a label says better than arguments whose run it is
            yield RUN, pipeline, *resource_entry(kind, namespace, name)
    if pipeline in _IMPORTS:
        for node in _field(run, "status", "nodes").values():
            for parameter in _field(node, "outputs").get("parameters") or ():
                if parameter.get("name") == "manifest" and parameter.get("value"):
                    yield BRINGS, str(parameter["value"]).removeprefix("sha256:")


def _asked_for(pipeline: str, arguments: dict[str, str]) -> Iterable[tuple[str, str, str]]:
    namespace = arguments.get("namespace", "")
    name, scope, service = arguments.get("name"), arguments.get("scope"), arguments.get("service")
    if pipeline in {"import-model", "onboard-model", "evict-model", "read-claim"} and name and scope in _SCOPES:
        yield str(scope), namespace if scope == "BaseModel" else "", name
    if pipeline in {"deploy-model", "onboard-model"} and service:
        yield "InferenceService", namespace, service
    if pipeline == "benchmark-endpoint" and name:
        yield "BenchmarkJob", namespace, name


def _of_kept(item: Object) -> Iterable[Entry]:
    found = _labels(item)
    if labels.KIND in found:
        yield KEPT_FOR, found[labels.KIND], found.get(labels.NAMESPACE, ""), found.get(labels.NAME, "")


def _of_owned(item: Object) -> Iterable[Entry]:
    yield OWNED, item["metadata"].get("namespace", ""), _labels(item).get(labels.INFERENCE_SERVICE, "")


def _of_model(model: Object) -> Iterable[Entry]:
    kind, namespace, name = model["kind"], model["metadata"].get("namespace", ""), model["metadata"]["name"]
    yield NODE_ENTRY, labels.config_map_key(kind, namespace, name)
    yield NODE_LABEL, labels.node_label(kind, namespace, name)
    if uid := model["metadata"].get("uid"):
        yield NODE_LABEL, labels.node_label_by_uid(str(uid))
    if not stays_in_claim(model):
        path = str(_field(model, "spec", "storage").get("path") or f"~/{namespace}{'/' if namespace else ''}{name}")
        yield FOLDER, path.rstrip("/")
        yield from _folders_above(path.rstrip("/").rpartition("/")[0])
    if _enforces_fit(model):
        yield ENFORCES_FIT, ""
    if digest := _field(model, "status", "artifact").get("digest"):
        yield ARTIFACT, str(digest).removeprefix("sha256:")[:12]
    storage = _field(model, "spec", "storage")
    for field in ("key", "storageKey"):
        if secret := storage.get(field):
            yield SECRET, str(secret)
    yield from _of_resource(model)


@lru_cache(4096)
def _folders_above(folder: str) -> tuple[Entry, ...]:
    """A folder and those above it: the same few for thousands of models."""
    above = folder.rpartition("/")[0]
    return ((FOLDER, folder), *(_folders_above(above) if above else ())) if folder else ()


def _of_service(service: Object) -> Iterable[Entry]:
    for model in (_field(service, "spec", "model").get("name"), _field(service, "spec", "predictor", "model")):
        name = model.get("baseModel") if isinstance(model, dict) else model
        if name:
            yield USES_MODEL, str(name)
            yield from ((ENFORCES_FIT, which) for which in (str(name), "") if _enforces_fit(service))
    yield from _of_resource(service)


def _enforces_fit(item: Object) -> bool:
    return bool((item["metadata"].get("annotations") or {}).get(FIT) == "enforce")


def _of_benchmark(benchmark: Object) -> Iterable[Entry]:
    service = _field(benchmark, "spec", "endpoint", "inferenceService")
    if service.get("name"):
        yield MEASURES, str(service.get("namespace") or benchmark["metadata"].get("namespace", "")), service["name"]
    if model := _field(benchmark, "spec", "endpoint", "endpoint").get("modelName"):
        yield USES_MODEL, str(model)
    yield from _of_resource(benchmark)


def _of_resource(item: Object) -> Iterable[Entry]:
    namespace, name = item["metadata"].get("namespace", ""), item["metadata"]["name"]
    as_labels = resource_entry(item["kind"], namespace, name)
    if as_labels != (item["kind"], namespace, name):
        yield SHORTENED, *as_labels


def _labels(item: Object) -> dict[str, str]:
    return item["metadata"].get("labels") or {}


def _field(item: Any, *path: str) -> dict[str, Any]:
    """A mapping inside an object; an empty one where the path leads nowhere."""
    for part in path:
        item = item.get(part) if isinstance(item, dict) else None
    return item if isinstance(item, dict) else {}


_ENTRIES: dict[str, Callable[[Object], Iterable[Entry]]] = {
    "Workflow": _of_run,
    "CronWorkflow": _of_kept,
    "Secret": _of_kept,
    "Deployment": _of_owned,
    "Pod": _of_owned,
    **{kind.kind: _of_owned for kind in COMPANION_KINDS},
    "ClusterBaseModel": _of_model,
    "BaseModel": _of_model,
    "InferenceService": _of_service,
    "BenchmarkJob": _of_benchmark,
}
