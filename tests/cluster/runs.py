"""The runs that there have been for a resource."""

from datetime import datetime
from itertools import pairwise

from tests.cluster.kubectl import Kubectl, Object


def runs_of(kubectl: Kubectl, verb: str, name: str) -> int:
    """How many runs of the controller's there are, by the verb that their names begin with and the resource's name."""
    return len(_runs(kubectl, verb, name))


def waits_between_runs(kubectl: Kubectl, verb: str, name: str) -> list[float]:
    """Seconds from the end of each of these runs to the creation of the next."""
    runs = sorted(_runs(kubectl, verb, name), key=lambda run: str(run["metadata"]["creationTimestamp"]))
    return [
        (_time(after["metadata"]["creationTimestamp"]) - _time(before["status"]["finishedAt"])).total_seconds()
        for before, after in pairwise(runs)
    ]


def is_caching(workflow: Object) -> bool:
    """Whether a run's pod on a node has started."""
    nodes = ((workflow.get("status") or {}).get("nodes") or {}).values()
    return any(n["type"] == "Pod" and n["displayName"].startswith("cache") and n["phase"] == "Running" for n in nodes)


def _runs(kubectl: Kubectl, verb: str, name: str) -> list[Object]:
    runs = kubectl.list("workflow", "ome", f"ome.io/name={name}")
    return [run for run in runs if run["metadata"]["name"].startswith(f"{verb}-")]


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
