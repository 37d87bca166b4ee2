"""What a BenchmarkJob measures: the endpoint, once it is ready, and the arguments of its runs."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from controller.actions import Object
from controller.observed import Context
from controller.plans.benchmark_matrix import engine_obstacle, levels_of, matrix_mistake, scenarios_of, task_of
from controller.plans.benchmark_output import Output, output_of
from controller.plans.benchmark_pod import not_honoured, pod_fields
from controller.plans.conditions import Said, condition_of, is_true
from controller.plans.naming import digest_of
from controller.plans.service_inputs import ENDPOINT, RETRY, find_model
from crds.labels import node_label
from crds.storage_location import stays_in_claim
from steps.benchmark.plan import backend_of, is_llama_cpp
from steps.endpoint import base_url, endpoint_key

DEFAULT_ERROR_RATE: Final = 0.01
_IGNORED: Final = ("dataset", "huggingFaceSecretReference")
_MEASURED = ("task", "trafficScenarios", "numConcurrency", "maxRequestsPerIteration", "maxTimePerIteration")
_MEASURED_SINCE = ("additionalRequestParams",)
"""What counts only where it is given, so that no benchmark is measured again because this version knows of it."""


@dataclass(frozen=True)
class Measured:
    """What a job measures.

    Attributes:
        ready: The condition EndpointReady.
        arguments: Of benchmark-endpoint; {} while the endpoint is not ready.
        revision: Of the model that is served, where it is known.
        inputs: Digest of what a run is for: once is once for each of them.
    """

    ready: Said
    inputs: str
    arguments: Mapping[str, str] = field(default_factory=dict)
    revision: str = ""


def measured_of(job: Object, context: Context) -> Measured:
    """What a job measures."""
    spec, metadata = job.get("spec") or {}, job["metadata"]
    wanted = {name: spec.get(name) for name in (*_MEASURED, "endpoint")}
    wanted |= {name: spec[name] for name in _MEASURED_SINCE if spec.get(name)}
    wanted |= _dialect(spec)
    retry = (metadata.get("annotations") or {}).get(RETRY, "")
    inputs = digest_of([metadata.get("uid"), wanted, error_rate(spec), retry])
    if matrix_mistake(spec) is not None:
        return Measured(
            Said("EndpointReady", False, "Unsupported", "It is not looked for, as nothing is measured."), inputs
        )
    endpoint = spec.get("endpoint") or {}
    direct = endpoint.get("endpoint")
    if direct is not None:
        return _direct(job, direct, inputs, context)
    reference = endpoint.get("inferenceService") or {}
    namespace = str(reference.get("namespace") or metadata["namespace"])
    service = context.observed.get("InferenceService", namespace, str(reference.get("name") or ""))
    obstacle = _obstacle(service, namespace, str(reference.get("name") or ""))
    if obstacle is not None or service is None:
        return Measured(obstacle or Said("EndpointReady", False, "ServiceNotFound"), inputs)
    return _of_service(job, service, inputs, context)


def _dialect(spec: Mapping[str, Any]) -> dict[str, str]:
    """How an endpoint given by its URL is asked, by the engine that a person says it is; {} for any engine."""
    if not (spec.get("endpoint") or {}).get("endpoint"):
        return {}
    engine = str((spec.get("serviceMetadata") or {}).get("engine") or "")
    dialect = "llama-cpp" if is_llama_cpp(engine) else backend_of(engine)
    return {"dialect": dialect} if dialect != "openai" else {}


def ignored_fields(spec: Mapping[str, Any], output: Output) -> list[str]:
    """Fields that are given and that no run honours."""
    ignored = (name for name in _IGNORED if spec.get(name))
    return [*ignored, *output.ignored, *not_honoured(spec.get("podOverride") or {})]


def error_rate(spec: Mapping[str, Any]) -> float:
    """The share of failed requests over which a run is Failed."""
    given = (spec.get("thresholds") or {}).get("maxErrorRate")
    return float(given) if given is not None else DEFAULT_ERROR_RATE


def is_same_measurement(arguments: Mapping[str, str], measured: Measured) -> bool:
    """Whether a run with these arguments measures just this; where the load is put on from is not asked."""
    names = (set(measured.arguments) | {"request_parameters"}) - {"model_label", "pod", "server", "secret"}
    return bool(measured.arguments) and all(
        _meaning(name, arguments.get(name, "")) == _meaning(name, measured.arguments.get(name, "")) for name in names
    )


def _direct(job: Object, direct: Mapping[str, Any], inputs: str, context: Context) -> Measured:
    if direct.get("apiFormat", "openai") != "openai":
        text = f'spec.endpoint.endpoint.apiFormat: "{direct.get("apiFormat")}" is not measured yet; accepted: openai.'
        return Measured(Said("EndpointReady", False, "Unsupported", text), inputs)
    name, namespace = str(direct.get("modelName") or ""), str(job["metadata"]["namespace"])
    model = find_model(name, namespace, context) if name else None
    obstacle = _model_obstacle(model, name, namespace)
    if obstacle is not None:
        return Measured(obstacle, inputs)
    url = str(direct.get("url") or "")
    found = {"url": base_url(url), "modelName": name}  # one text for one endpoint: benchmarks of it take turns by it
    engine = str((job["spec"].get("serviceMetadata") or {}).get("engine") or "")
    found |= {"engine": engine} if engine else {}
    return _ready(
        job, found, model, name, namespace, inputs, Said("EndpointReady", True, "Given", f"{url}, as it was given.")
    )


def _ready(
    job: Object, endpoint: Mapping[str, Any], model: Object | None, name: str, namespace: str, inputs: str, said: Said
) -> Measured:
    """An endpoint that answers, when its engine can be asked what the task asks."""
    if reason := engine_obstacle(job.get("spec") or {}, str(endpoint.get("engine") or "")):
        return Measured(Said("EndpointReady", False, "Unsupported", reason), inputs)
    artifact = ((model or {}).get("status") or {}).get("artifact") or {}
    return Measured(
        said, inputs, _arguments(job, endpoint, model, name, namespace), str(artifact.get("revision") or "")
    )


def _model_obstacle(model: Object | None, name: str, namespace: str) -> Said | None:
    """Why the tokenizer of a model cannot be had now."""
    if model is None or "deletionTimestamp" in model["metadata"]:
        text = (
            f'spec.endpoint.endpoint.modelName: "{name}" is neither a BaseModel of namespace {namespace} nor a '
            "ClusterBaseModel, and its tokenizer counts the tokens. It is measured when one comes."
        )
        return Said("EndpointReady", False, "ModelNotFound", text)
    if stays_in_claim(model):
        return _without_tokenizer(name)
    if not is_true(model, "Ready") and not (model.get("status") or {}).get("nodesReady"):
        told = condition_of(model, "Ready")
        why = f" {told.get('reason', '')}: {told.get('message', '')}" if told else " Its import has not begun."
        text = f"{model['kind']} {name}, whose tokenizer counts the tokens, is on no node yet.{why}"
        return Said("EndpointReady", False, "ModelNotReady", text)
    return None


def _without_tokenizer(model: str) -> Said:
    text = (
        f"Model {model} is read in place from a claim, which the load generator's pod in another namespace cannot "
        "mount, and without the model's tokenizer it cannot measure. Submit the pipeline benchmark-endpoint with "
        "model and model_label of a model that is on nodes and has the same tokenizer, or serve that one."
    )
    return Said("EndpointReady", False, "Unsupported", text)


def _label(model: Object) -> str:
    """The label of the nodes that have a model, whose tokenizer counts the tokens."""
    metadata = model["metadata"]
    namespace = metadata["namespace"] if model["kind"] == "BaseModel" else ""
    return node_label(model["kind"], namespace, metadata["name"])


def _obstacle(service: Object | None, namespace: str, name: str) -> Said | None:
    if service is None:
        text = f'There is no InferenceService "{name}" in namespace {namespace}. It is measured when one comes.'
        return Said("EndpointReady", False, "ServiceNotFound", text)
    if "deletionTimestamp" in service["metadata"]:
        return Said(
            "EndpointReady", False, "ServiceNotFound", f"InferenceService {namespace}/{name} is being deleted."
        )
    if not is_true(service, "Ready"):
        told = condition_of(service, "Ready")
        text = f"InferenceService {namespace}/{name} is not ready. {told.get('reason', '')}: {told.get('message', '')}"
        return Said("EndpointReady", False, "ServiceNotReady", text.removesuffix(" : "))
    if not (service.get("status") or {}).get("url"):
        text = f"InferenceService {namespace}/{name} is ready, and its status has no url."
        return Said("EndpointReady", False, "NoUrl", text)
    return None


def _of_service(job: Object, service: Object, inputs: str, context: Context) -> Measured:
    status, namespace = service["status"], str(service["metadata"]["namespace"])
    model_name = str(((service.get("spec") or {}).get("model") or {}).get("name") or "")
    model = find_model(model_name, namespace, context) if model_name else None
    if model is not None and stays_in_claim(model):
        return Measured(_without_tokenizer(model_name), inputs)
    found = {"url": status["url"], "modelName": model_name, "service": service["metadata"]["name"]}
    found = {**found, "namespace": namespace, **_remembered(status)}
    said = Said("EndpointReady", True, "Ready", f"{found['url']}, model {found['modelName']}.")
    return _ready(job, found, model, model_name, namespace, inputs, said)


def _remembered(status: Mapping[str, Any]) -> dict[str, Any]:
    """The endpoint as its deploy run found it, with the name that requests must carry."""
    try:
        found = json.loads((status.get("annotations") or {}).get(ENDPOINT) or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) and found.get("url") == status.get("url") else {}


def _arguments(
    job: Object, endpoint: Mapping[str, Any], model: Object | None, name: str, namespace: str
) -> dict[str, str]:
    spec = job.get("spec") or {}
    context_length = int(((model or {}).get("spec") or {}).get("maxTokens") or 0)
    made = {
        "name": str(job["metadata"]["name"]),
        "endpoint": _json(endpoint),
        "model": name,
        "namespace": namespace,
        "task": task_of(spec),
        "scenarios": _json(scenarios_of(spec, context_length)),
        "concurrency": _json(levels_of(spec)),
        "max_requests": str(spec.get("maxRequestsPerIteration", 50)),
        "max_minutes": str(spec.get("maxTimePerIteration", 10)),
        "max_error_rate": _json(error_rate(spec)),
    }
    label = _label(model) if model is not None else ""
    more = {
        "request_parameters": spec.get("additionalRequestParams"),
        "server": spec.get("serviceMetadata"),
        "pod": pod_fields(spec.get("podOverride") or {}, label),
    }
    made |= {"model_label": label} if label else {}
    made |= {name: _json(value) for name, value in more.items() if value}
    return {**made, **output_of(job).arguments}


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _meaning(name: str, text: str) -> Any:
    """What an argument says, however it is written; what cannot be read is compared as text."""
    try:
        value = json.loads(text) if text else None
        if name == "endpoint" and isinstance(value, dict):
            return endpoint_key(value)
    except (ValueError, RecursionError):  # no JSON, or a URL that is none
        return text
    return value or {} if name == "request_parameters" else value
