"""The digest of what a service asks for: deploy says which it deployed, the controller whether it still holds.

Pure, shared by `steps.deploy_service` and the controller.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from steps.serving.cluster.metadata import PASSED_ON
from steps.serving.expansion import object_keys_in

DIGITS = 16
DEPLOYED_WITH = "ome.io/deployed"
"""Key of a service's `status.annotations`: the digest of what was deployed last."""
_OURS = ".ome.io/"
_BOOKKEEPING = frozenset({"ome.io/inputs", "ome.io/retry", "ome.io/on-drift"})
"""They say when to act, not what the service should be."""
_NEVER = "kubectl.kubernetes.io/last-applied-configuration"
"""The spec once more, even where a placeholder names it; the controller does not keep it."""


def service_spec_digest(service: Mapping[str, Any], model: Mapping[str, Any]) -> str:
    """Digest (hex, 16 digits) over what the rendering reads of a service, and its model's files.

    Besides the spec these are the annotations with a meaning, and the labels and annotations that placeholders may
    refer to: those that the spec's own texts name, and, since the runtime is not known here, all whose key has no
    domain. Such keys are a user's own; what systems write, which changes without a meaning, must have a domain
    (https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set). Only a
    runtime that reaches for a key of a foreign domain is not followed.

    Args:
        service: The InferenceService.
        model: The model it names, whose `status.artifact.digest` counts; {} when there is none.
    """
    metadata, spec = service.get("metadata") or {}, service.get("spec") or {}
    named = object_keys_in(spec, "Annotations") - {_NEVER}
    annotations = {k: v for k, v in (metadata.get("annotations") or {}).items() if _matters(k) or k in named}
    named = object_keys_in(spec, "Labels")
    labels = {k: v for k, v in (metadata.get("labels") or {}).items() if "/" not in k or k in named}
    artifact = (model.get("status") or {}).get("artifact") or {}
    asked = {"spec": spec, "annotations": annotations, "model": str(artifact.get("digest") or "")}
    if labels:  # so that a service without keeps the digest that it was deployed with
        asked["labels"] = labels
    canonical = json.dumps(asked, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:DIGITS]


def _matters(key: str) -> bool:
    domain, slash, _ = key.partition("/")
    is_ours = f".{domain}/".endswith(_OURS)
    return not slash or (is_ours and key not in _BOOKKEEPING) or key.startswith(PASSED_ON)
