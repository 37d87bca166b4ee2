"""A model's resource as it should be once its files are resolved, parsed and cached; `steps.publish_model` stores it.

It is pure: OME's spec fields where the user left them empty, and a status with conditions and the artifact.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal

from crds.metadata import API_VERSION, skips_config_parsing
from crds.pickle_policy import UnsafePickles
from crds.signature_policy import signature_parameters, signer_digest
from steps.facts import DiffusionComponent, Facts
from steps.frozen import Frozen
from steps.manifest import Manifest
from steps.resources import Resource

Scope = Literal["ClusterBaseModel", "BaseModel"]

_MAX_TOKENS: Final = 2**31 - 1
_COMPONENTS: Final[Mapping[str, str]] = {
    "scheduler": "scheduler",
    "text_encoder": "textEncoder",
    "tokenizer": "tokenizer",
    "transformer": "transformer",
    "unet": "transformer",
    "vae": "vae",
}


class Publication(Frozen):
    """What is to be said of a model.

    Attributes:
        kind: ClusterBaseModel or BaseModel.
        namespace: Of a BaseModel.
        uri: The storage URI it came from.
        path: The folder that holds its files.
        node: The machine that holds them.
        unsafe_pickles: What was said of pickles that run code when they are loaded.
        signed_by, signature: Whose signature was verified, in PEM, and the file that it is in; "" for nobody's.
        manifest_digest: That its manifest had to have; "" for any.
        previous: Facts that an earlier publication wrote, or None: values that still equal them are ours to renew.
    """

    kind: Scope
    name: str
    namespace: str
    uri: str
    manifest: Manifest
    facts: Facts
    path: str
    node: str
    unsafe_pickles: UnsafePickles = "refuse"
    signed_by: str = ""
    signature: str = ""
    manifest_digest: str = ""
    previous: Facts | None = None


def publish(resource: Resource | None, publication: Publication, now: str) -> Resource:
    """The model's resource with spec and status written; the resource given is not changed.

    Spec fields are filled only where they are empty or still as the previous publication wrote them; `storageUri` and
    `path` say what was cached. With a skip-config-parsing annotation the spec keeps all else as it is.

    Args:
        resource: The object as it is, None when there is none yet.
        publication: What is known now.
        now: RFC 3339, for conditions whose status changes.
    """
    old = resource or {}
    metadata: dict[str, Any] = dict(old.get("metadata") or {})
    metadata["name"] = publication.name
    if publication.kind == "BaseModel":
        metadata["namespace"] = publication.namespace or "default"
    is_skipped = skips_config_parsing({k: str(v) for k, v in (metadata.get("annotations") or {}).items()})
    spec = _spec(dict(old.get("spec") or {}), publication, is_skipped=is_skipped)
    generation = int(metadata.get("generation") or 0)
    if generation == 0 or spec != old.get("spec"):
        generation += 1
    metadata["generation"] = generation
    return {
        **old,
        "apiVersion": old.get("apiVersion", API_VERSION),
        "kind": publication.kind,
        "metadata": metadata,
        "spec": spec,
        "status": _status(dict(old.get("status") or {}), publication, generation, now, is_skipped=is_skipped),
    }


def facts_in_spec(facts: Facts) -> dict[str, Any]:
    """Facts in the words of a model's spec; what is unknown is left out, never written as empty text."""
    spec: dict[str, Any] = {"modelFormat": _named(facts.format, facts.format_version)}
    if facts.framework:
        spec["modelFramework"] = _named(facts.framework, facts.framework_version)
    if facts.model_type:
        spec["modelType"] = facts.model_type
    if facts.architecture:
        spec["modelArchitecture"] = facts.architecture
    if facts.parameters.total:
        spec["modelParameterSize"] = facts.parameter_size
    if facts.capabilities:
        spec["modelCapabilities"] = list(facts.capabilities)
    if facts.quantization is not None:
        spec["quantization"] = facts.quantization.method
    if facts.context_length > 0:
        spec["maxTokens"] = min(facts.context_length, _MAX_TOKENS)
    if facts.diffusion:
        spec["diffusionPipeline"] = _pipeline(facts)
    spec["modelConfiguration"] = model_configuration(facts)
    return spec


def model_configuration(facts: Facts) -> dict[str, Any]:
    """`spec.modelConfiguration` with the keys that OME writes."""
    return {
        "model_type": facts.model_type,
        "architecture": facts.architecture,
        "context_length": facts.context_length,
        "parameter_count": facts.parameter_size,
        "has_vision": facts.has_vision,
        "is_embedding": "EMBEDDING" in facts.capabilities,
        "transformers_version": facts.framework_version if facts.framework == "transformers" else "",
        "torch_dtype": facts.dtype,
        "model_size_bytes": facts.bytes_in_memory,
    }


def _spec(spec: dict[str, Any], publication: Publication, *, is_skipped: bool) -> dict[str, Any]:
    storage = dict(spec.get("storage") or {})
    storage["storageUri"] = publication.uri
    if publication.manifest.parameters:
        storage["parameters"] = {**(storage.get("parameters") or {}), **publication.manifest.parameters}
    if publication.path:
        storage["path"] = publication.path
    if publication.unsafe_pickles == "allow":
        storage["parameters"] = {**(storage.get("parameters") or {}), "unsafePickles": "allow"}
    asked = signature_parameters(publication.signed_by, publication.signature)
    kept = {k: v for k, v in (storage.get("parameters") or {}).items() if k not in ("signedBy", "signature")}
    if kept | asked != (storage.get("parameters") or {}):
        storage["parameters"] = kept | asked
    if publication.manifest_digest:
        storage["parameters"] = {**(storage.get("parameters") or {}), "manifestDigest": publication.manifest_digest}
    spec["storage"] = storage
    if is_skipped:
        return spec
    before = facts_in_spec(publication.previous) if publication.previous is not None else {}
    new = facts_in_spec(publication.facts)
    for field, value in new.items():
        if _is_empty(spec.get(field)) or (field in before and spec[field] == before[field]):
            spec[field] = value
    for field in before.keys() - new.keys():
        if spec.get(field) == before[field]:
            del spec[field]
    return spec


def _is_empty(value: object) -> bool:
    if isinstance(value, Mapping):
        return not any(value.values())
    return value is None or value in ("", [], 0)


def _status(
    status: dict[str, Any], publication: Publication, generation: int, now: str, *, is_skipped: bool
) -> dict[str, Any]:
    manifest, facts = publication.manifest, publication.facts
    digest = manifest.digest
    is_same = (status.get("artifact") or {}).get("digest") == digest
    ready = set(status.get("nodesReady") or []) if is_same else set()
    failed = set(status.get("nodesFailed") or []) - {publication.node}
    count = facts.parameters
    parsed = f"{facts.parameter_size} parameters, {count.confidence} from {count.source}"
    signer = signer_digest(publication.signed_by)
    files = "1 file" if len(manifest.files) == 1 else f"{len(manifest.files)} files"
    said = {
        "Resolved": ("Resolved", f"Revision {manifest.revision[:12]}: {files}, {manifest.total_bytes} bytes."),
        "Parsed": ("ParsingSkipped", "An annotation asks to keep the spec.")
        if is_skipped
        else ("Parsed", f"{parsed}."),
        "Cached": (
            "Cached",
            f"On {publication.node} in {publication.path}{f', with a signature by {signer}' if signer else ''}.",
        ),
        "Ready": ("Ready", "Every file is verified and in place."),
    }
    status.pop("progress", None)
    status |= {
        "state": "Ready",
        "observedGeneration": generation,
        "nodesReady": sorted(ready | {publication.node}),
        "artifact": {
            "uri": publication.uri,
            "revision": manifest.revision,
            "digest": digest,
            "totalBytes": manifest.total_bytes,
            "files": len(manifest.files),
        }
        | ({"signedBy": signer} if signer else {}),
        "conditions": _conditions(status.get("conditions") or [], said, generation, now),
    }
    if failed:
        status["nodesFailed"] = sorted(failed)
    else:
        status.pop("nodesFailed", None)
    return status


def _conditions(
    old: list[dict[str, Any]], said: Mapping[str, tuple[str, str]], generation: int, now: str
) -> list[dict[str, Any]]:
    """The conditions, all true; one that was true before keeps the time since when it is. Others are kept."""
    before = {condition.get("type"): condition for condition in old}
    made = []
    for kind, (reason, message) in said.items():
        earlier = before.get(kind) or {}
        is_unchanged = earlier.get("status") == "True" and earlier.get("lastTransitionTime")
        made.append(
            {
                "type": kind,
                "status": "True",
                "reason": reason,
                "message": message,
                "observedGeneration": generation,
                "lastTransitionTime": earlier["lastTransitionTime"] if is_unchanged else now,
            }
        )
    return made + [condition for condition in old if condition.get("type") not in said]


def _named(name: str, version: str) -> dict[str, str]:
    return {"name": name, "version": version} if version else {"name": name}


def _pipeline(facts: Facts) -> dict[str, Any]:
    """The pipeline as OME has it: known components by name, the rest under additionalComponents."""
    made: dict[str, Any] = {"className": facts.architecture}
    others: dict[str, Any] = {}
    for name, component in facts.diffusion.items():
        field = _COMPONENTS.get(name)
        if field is not None and field not in made:
            made[field] = _component(component)
        else:
            others[name] = _component(component)
    if others:
        made["additionalComponents"] = others
    return made


def _component(component: DiffusionComponent) -> dict[str, str]:
    return {key: value for key, value in (("library", component.library), ("type", component.type)) if value}
