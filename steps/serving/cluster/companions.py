"""What a Deployment was made with: its Services, autoscaler and disruption budget, noted on it.

Pure. `render` writes the note, and the controller reads it, to see that one of them is gone and to deploy again.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from steps.cluster.resource_types import AUTOSCALER, DISRUPTION_BUDGET, SERVICE

COMPANIONS: Final = "ome.io/companions"
"""Annotation of Deployments: `<kind>/<name>` of each, with blanks between them."""
COMPANION_KINDS: Final = (SERVICE, AUTOSCALER, DISRUPTION_BUDGET)


def companions_note(objects: Iterable[Mapping[str, Any]]) -> str:
    """The note about those of some objects that count."""
    kinds = {kind.kind for kind in COMPANION_KINDS}
    return " ".join(f"{body['kind']}/{body['metadata']['name']}" for body in objects if body["kind"] in kinds)


def companions_of(deployment: Mapping[str, Any]) -> tuple[str, ...]:
    """`<kind>/<name>` of each; none on a Deployment of a version that noted nothing."""
    return tuple(str((deployment["metadata"].get("annotations") or {}).get(COMPANIONS) or "").split())
