"""Models that follow their source, and what tests do with them: a look, its answer, what a node's record says."""

import json
from typing import Any

from controller.index import arguments_of
from tests.controller.plans.argo import (
    checking,
    only_run,
)
from tests.controller.plans.cluster import Cluster
from tests.controller.plans.models import MODEL, imported, settle

NEWER = "beef" * 10
NEWEST = "feed" * 10
ITS_DIGEST = "cd" * 32
DAY = 24 * 3600


def asked(
    cluster: Cluster, value: str = "now", *, revision: str = NEWER, outcome: str = "Succeeded"
) -> dict[str, Any]:
    """A person asks for a look, and the source answers; the status after it."""
    cluster.change(*MODEL, {"metadata": {"annotations": {"ome.io/refresh": value}}})
    settle(cluster)
    cluster.pass_time(10)
    checking(cluster, only_run(cluster, "check-revision"), outcome, revision=revision, digest=ITS_DIGEST)
    return settle(cluster)


def arguments(cluster: Cluster, template: str) -> dict[str, str]:
    return arguments_of(cluster.get("Workflow", "ome", only_run(cluster, template)))


def following(*nodes: str, **storage: Any) -> Cluster:
    """A model that follows its source, imported."""
    return imported(*nodes, storage={"revisionPolicy": "OnChange", **storage})


def entry(cluster: Cluster, node: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(cluster.get("ConfigMap", "ome", node)["data"]["clusterbasemodel.smollm2"])
    return found


def is_over(cluster: Cluster, run: str) -> bool:
    return "finishedAt" in (cluster.get("Workflow", "ome", run).get("status") or {})
