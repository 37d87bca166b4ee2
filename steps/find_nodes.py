"""The step that finds the nodes to go to, for pipelines that no resource names nodes for. Run by `audit-cache`."""

import sys

from pydantic import Field

from steps.contract import StepInputs, StepOutputs, step


class FindNodesInputs(StepInputs):
    """Which nodes, if not all."""

    nodes: tuple[str, ...] = Field(
        default=(), description="Nodes, as a JSON list of names; empty for all that have models."
    )


class FindNodesOutputs(StepOutputs):
    """Where to go."""

    nodes: tuple[str, ...] = Field(description="Names of nodes; on one machine an empty one, which is this.")


@step(
    "find-nodes",
    title="Find the nodes",
    description="Lists the nodes that have models, are ready and take pods, unless nodes are given.",
)
def find_nodes(inputs: FindNodesInputs) -> FindNodesOutputs:
    """The nodes given, or those with a model's label.

    Raises:
        NotFoundError: names nodes that the cluster does not have.
        ClusterError: when the API server cannot be asked.
    """
    from steps.cluster.pod import is_on_cluster

    if not is_on_cluster():
        return FindNodesOutputs(nodes=inputs.nodes or ("",))
    from crds.labels import MODEL_PREFIXES
    from steps.cluster.api import open_api
    from steps.cluster.nodes import nodes_of
    from steps.cluster.resource_types import NODE
    from steps.errors import NotFoundError

    known = nodes_of(open_api().list(NODE))
    if unknown := sorted(set(inputs.nodes) - {node.name for node in known} - {""}):
        there = ", ".join(node.name for node in known)
        raise NotFoundError(f'nodes: "{unknown[0]}" is no node of this cluster', remedy=f"There are: {there}.")
    if inputs.nodes:
        return FindNodesOutputs(nodes=inputs.nodes)
    holding = [node for node in known if any(label.startswith(MODEL_PREFIXES) for label in node.labels)]
    chosen = [node.name for node in holding if node.is_ready and node.is_schedulable]
    for node in holding:
        if node.name not in chosen:
            sys.stderr.write(f"{node.name} is left out: it {'is cordoned' if node.is_ready else 'is not ready'}\n")
    sys.stderr.write(f"{len(chosen)} nodes with models: {', '.join(chosen) or 'none'}\n")
    return FindNodesOutputs(nodes=tuple(chosen))
