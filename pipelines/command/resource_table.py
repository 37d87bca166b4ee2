"""Resources as a person reads them: the columns of `ome get` and the lines of one resource."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from pipelines.command.output import format_bytes, format_count, format_seconds

Resource = dict[str, Any]


def columns_of(kind: str) -> tuple[str, ...]:
    """Column heads of a kind's table, NAME first."""
    return ("NAME", *(title for title, _ in _COLUMNS.get(kind, ())))


def row_of(resource: Resource) -> tuple[str, ...]:
    """A resource's row, with namespaced names as `namespace/name`."""
    metadata = resource["metadata"]
    namespace = metadata.get("namespace", "")
    name = f"{namespace}/{metadata['name']}" if namespace else metadata["name"]
    return (name, *(read(resource) for _, read in _COLUMNS.get(resource["kind"], ())))


def describe_model(resource: Resource) -> list[tuple[str, object]]:
    """A model's resource as names and values."""
    spec, status = resource["spec"], resource.get("status", {})
    artifact = status.get("artifact", {})
    return [
        ("state", status.get("state")),
        ("uri", spec["storage"].get("storageUri")),
        ("revision", artifact.get("revision")),
        ("digest", artifact.get("digest")),
        ("size", _size(artifact) if artifact else ""),
        ("path", spec["storage"].get("path")),
        ("signed by", artifact.get("signedBy")),
        ("architecture", spec.get("modelArchitecture")),
        ("parameters", spec.get("modelParameterSize")),
        ("format", spec.get("modelFormat", {}).get("name")),
        ("quantization", spec.get("quantization")),
        ("capabilities", ", ".join(spec.get("modelCapabilities", []))),
        ("context length", spec.get("maxTokens")),
    ]


def progress_of(resource: Resource, now: datetime) -> str:
    """How far an import is: `12 GB of 141 GB (8 %), 1.1 GB/s, about 2 min 05 s left; slowest node-3 at 5 %`.

    Empty for what is no model, and for one whose import does not run or has not come to its bytes.
    """
    progress = resource.get("status", {}).get("progress") or {}
    completed, total = progress.get("completedBytes"), progress.get("totalBytes")
    if completed is None or not total:
        return ""
    text = f"{format_bytes(completed)} of {format_bytes(total)} ({progress.get('percent', 0)} %)"
    if (rate := progress.get("bytesPerSecond")) is not None:
        text += f", {format_bytes(rate)}/s"
    if end := progress.get("estimatedCompletionTime"):
        left = (datetime.fromisoformat(end) - now).total_seconds()
        text += f", about {format_seconds(left)} left" if left > 0 else ", nearly done"
    if slowest := progress.get("slowestNode"):
        text += f"; slowest {slowest} at {progress.get('slowestNodePercent', 0)} %"
        if (rate := progress.get("slowestNodeBytesPerSecond")) is not None:
            text += f", {format_bytes(rate)}/s"
    return text


def choice_of(resource: Resource) -> str:
    """What was chosen for a service and why, or that nothing was; "" for what is no service, and before a choice."""
    selection = resource.get("status", {}).get("selection") or {}
    if resource["kind"] != "InferenceService" or not selection:
        return ""
    others = len(selection.get("refused") or ()) + int(selection.get("leftOut") or 0)
    rest = f"{format_count(others, 'other runtime')} not chosen, see -o yaml" if others else ""
    if not selection.get("runtime"):
        return f"no runtime was chosen; {rest}" if rest else "no runtime was chosen"
    place = f"{selection['runtimeNamespace']}/" if selection.get("runtimeNamespace") else ""
    where = f" on {selection['accelerator']}" if selection.get("accelerator") else ""
    words = [f"{place}{selection['runtime']}{where}", *(selection.get("reasons") or ()), rest]
    return "; ".join(word for word in words if word)


def trouble_of(resource: Resource) -> str:
    """Why a resource is not ready, or a benchmark has not ended well, with what to do; "" where nothing says so."""
    for condition in resource.get("status", {}).get("conditions") or ():
        if condition["type"] in ("Ready", "Completed") and condition["status"] == "False":
            return ": ".join(str(condition[key]) for key in ("reason", "message") if condition.get(key))
    return ""


def _size(artifact: Resource) -> str:
    return f"{format_bytes(artifact['totalBytes'])} in {format_count(artifact['files'], 'file')}"


def _at(*path: str) -> Callable[[Resource], str]:
    def read(resource: Resource) -> str:
        value: Any = resource
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        return "" if value is None else str(value)

    return read


def _ready(resource: Resource) -> str:
    for condition in resource.get("status", {}).get("conditions", []):
        if condition["type"] == "Ready":
            return str(condition["status"])
    return ""


def _bytes(resource: Resource) -> str:
    total = resource.get("status", {}).get("artifact", {}).get("totalBytes")
    return format_bytes(total) if total else ""


def _formats(resource: Resource) -> str:
    entries = resource["spec"].get("supportedModelFormats", [])
    names = {(e.get("modelFormat") or {}).get("name") or e.get("name", "") for e in entries}
    return ", ".join(sorted(n for n in names if n))


def _sizes(resource: Resource) -> str:
    sizes = resource["spec"].get("modelSizeRange") or {}
    smallest, largest = sizes.get("min", ""), sizes.get("max", "")
    if smallest and largest:
        return f"{smallest} to {largest}"
    return f"up to {largest}" if largest else f"from {smallest}" if smallest else ""


_MODEL = (
    ("FORMAT", _at("spec", "modelFormat", "name")),
    ("ARCHITECTURE", _at("spec", "modelArchitecture")),
    ("PARAMETERS", _at("spec", "modelParameterSize")),
    ("SIZE", _bytes),
    ("STATE", _at("status", "state")),
)
_RUNTIME = (("FORMATS", _formats), ("SIZES", _sizes), ("DISABLED", _at("spec", "disabled")))

_COLUMNS: Mapping[str, tuple[tuple[str, Callable[[Resource], str]], ...]] = {
    "BaseModel": _MODEL,
    "ClusterBaseModel": _MODEL,
    "ServingRuntime": _RUNTIME,
    "ClusterServingRuntime": _RUNTIME,
    "InferenceService": (
        ("MODEL", _at("spec", "model", "name")),
        ("RUNTIME", _at("status", "selection", "runtime")),
        ("READY", _ready),
        ("URL", _at("status", "url")),
    ),
    "BenchmarkJob": (("STATE", _at("status", "state")), ("VERDICT", _at("status", "verdict"))),
    "AcceleratorClass": (
        ("VENDOR", _at("spec", "vendor")),
        ("FAMILY", _at("spec", "family")),
        ("MEMORY", _at("spec", "capabilities", "memoryGB")),
    ),
    "FineTunedWeight": (("TYPE", _at("spec", "modelType")), ("BASE", _at("spec", "baseModelRef", "name"))),
}
