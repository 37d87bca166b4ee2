"""The digest of what a service asks for: deploy says which it deployed, the controller whether it still holds.

Pure, shared by `steps.deploy_service` and the controller.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

DIGITS = 16
_OUR_SUBDOMAINS = ".ome.io/"
_PASSED_ON = ("k8s.grafana.com/", "loki.grafana.com/", "prometheus.io/", "networking.gke.io/")
_BOOKKEEPING = frozenset({"ome.io/inputs", "ome.io/retry", "ome.io/on-drift"})
"""They say when to act, not what the service should be."""


def service_spec_digest(service: Mapping[str, Any], model: Mapping[str, Any]) -> str:
    """Digest (hex, 16 digits) over spec, the annotations that change what is rendered, and the model's files.

    Args:
        service: The InferenceService.
        model: The model it names, whose `status.artifact.digest` counts; {} when there is none.
    """
    annotations = (service.get("metadata") or {}).get("annotations") or {}
    artifact = (model.get("status") or {}).get("artifact") or {}
    asked = {
        "spec": service.get("spec") or {},
        "annotations": {key: value for key, value in annotations.items() if _matters(key)},
        "model": str(artifact.get("digest") or ""),
    }
    canonical = json.dumps(asked, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:DIGITS]


def _matters(key: str) -> bool:
    domain = key.partition("/")[0] + "/"
    is_ours = domain == "ome.io/" or domain.endswith(_OUR_SUBDOMAINS)
    return (is_ours and key not in _BOOKKEEPING) or domain in _PASSED_ON
