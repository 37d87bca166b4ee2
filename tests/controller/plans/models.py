"""A model in memory, as the tests of its plans start from it: new, settled, imported."""

import json
from typing import Any

from controller.index import arguments_of
from controller.plans import plan_model
from tests.controller.plans.argo import (
    importing,
    only_run,
)
from tests.controller.plans.cluster import Cluster
from tests.controller.plans.objects import add_node, model_body

TENANTS = ("BaseModel", "team", "smollm2")
MODEL = ("ClusterBaseModel", "", "smollm2")
LABEL = "models.ome.io/clusterbasemodel.smollm2"


def cluster_with(*nodes: str, **spec: Any) -> Cluster:
    cluster = Cluster()
    for name in nodes:
        add_node(cluster, name)
    cluster.add(model_body(**spec))
    return cluster


def settle(cluster: Cluster) -> dict[str, Any]:
    cluster.settle(plan_model, *MODEL)
    found = cluster.find(*MODEL)
    return (found or {}).get("status") or {}


def nodes_of(cluster: Cluster, run: str) -> list[str]:
    found: list[str] = json.loads(arguments_of(cluster.get("Workflow", "ome", run))["nodes"])
    return found


def imported(*nodes: str, **spec: Any) -> Cluster:
    cluster = cluster_with(*nodes, **spec)
    settle(cluster)
    importing(cluster, only_run(cluster, "import-model"))
    settle(cluster)
    return cluster
