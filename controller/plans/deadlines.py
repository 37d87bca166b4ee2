"""When Argo ends a run, as its template says: the controller needs it to see a run that nobody ends."""

from collections.abc import Mapping
from typing import Final

DEADLINES: Final[Mapping[str, int]] = {
    "import-model": 48 * 3600,
    "read-claim": 2 * 3600,
    "check-revision": 3600,
    "check-fit": 2 * 3600,
    "evict-model": 3600,
    "deploy-model": 6 * 3600,
    "benchmark-endpoint": 24 * 3600,
    "onboard-model": 72 * 3600,
}
"""Seconds by template, of those whose runs are a resource's. A run that a person submits names the template alone."""
