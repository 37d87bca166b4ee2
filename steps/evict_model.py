"""The step that takes a model off a node, or reserves its files there; safe to run again. Run by `evict-model`."""

import platform
import sys

from pydantic import Field

from crds.labels import ModelKind
from steps.cluster.pod import node_name
from steps.contract import StepInputs, StepOutputs, step
from steps.model_owner import model_owner


class EvictInputs(StepInputs):
    """What to remove, and where."""

    name: str = Field(default="", description="The model's name, which names its folder.")
    scope: ModelKind = Field(default="ClusterBaseModel", description="Kind of the model's resource.")
    namespace: str = Field(default="default", description="Namespace of a BaseModel.")
    path: str = Field(default="", description="Its folder; under the models root. Empty for <models root>/<name>.")
    reserve: bool = Field(default=False, description="Keep its files, also when an import needs room for others.")
    node: str = Field(default="", description="The node this runs on; empty for any (on one machine, this).")


class EvictOutputs(StepOutputs):
    """What it freed."""

    freed_bytes: int = Field(description="Bytes that nothing else needs and that are gone.")
    node: str = Field(description="The node that no longer has the model.")


@step(
    "evict-model",
    title="Evict the model",
    description="Removes the model's folder from the node, and every file that no other model shares.",
)
def evict_model(inputs: EvictInputs) -> EvictOutputs:
    """Remove a model's folder and what only it used, or reserve it; that nothing is there is no error.

    Raises:
        InvalidInputError: for an impossible name, or a folder that is not under the models root.
        ClusterError: when the folder cannot be removed.
    """
    from steps import cache

    owner, node = model_owner(inputs.scope, inputs.namespace, inputs.name), _node(inputs)
    if inputs.reserve:
        is_there = cache.reserve_model(owner, inputs.path)
        sys.stderr.write(f"{inputs.name} on {node}: {'reserved' if is_there else 'there is nothing to reserve'}\n")
        return EvictOutputs(freed_bytes=0, node=node)
    collected = cache.evict_model(owner, inputs.path)
    sys.stderr.write(f"{inputs.name} on {node}: {collected.freed_bytes} bytes freed\n")
    return EvictOutputs(freed_bytes=collected.freed_bytes, node=node)


def _node(inputs: EvictInputs) -> str:
    return node_name() or inputs.node or platform.node() or "localhost"
