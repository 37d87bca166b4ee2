"""The runs that there have been for a resource."""

from tests.cluster.kubectl import Kubectl


def runs_of(kubectl: Kubectl, verb: str, name: str) -> int:
    """How many runs of the controller's there are, by the verb that their names begin with and the resource's name."""
    runs = kubectl.list("workflow", "ome", f"ome.io/name={name}")
    return len([run for run in runs if run["metadata"]["name"].startswith(f"{verb}-")])
