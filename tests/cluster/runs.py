"""The runs that there have been for a resource, and what pods of a run do."""

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


def running(workflow: Object, step: str) -> list[str]:
    """The ids of a run's pods of a step that run, as Argo knows."""
    nodes = ((workflow.get("status") or {}).get("nodes") or {}).items()
    return [
        node_id for node_id, node in nodes
        if node["type"] == "Pod" and node["displayName"].split("(")[0] == step and node["phase"] == "Running"
    ]  # fmt: skip


def main_started(pod: Object) -> bool:
    """Whether a step's own container has been started: Argo calls its node running before that."""
    return bool({"running", "terminated"} & set(_main_state(pod)))


def main_ended(pod: Object) -> float:
    """When a step's own container ended, in seconds since the epoch; 0 while it has not."""
    ended = _main_state(pod).get("terminated")
    return _time(ended["finishedAt"]).timestamp() if ended else 0


def _main_state(pod: Object) -> Object:
    states: dict[str, Object] = {each["name"]: each["state"] for each in pod["status"].get("containerStatuses", [])}
    return states.get("main", {})


def _runs(kubectl: Kubectl, verb: str, name: str) -> list[Object]:
    runs = kubectl.list("workflow", "ome", f"ome.io/name={name}")
    return [run for run in runs if run["metadata"]["name"].startswith(f"{verb}-")]


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
