"""The step that takes a model off a node. Run by `evict-model`, once a node; also safe to run again."""

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
    """Remove a model's folder and what only it used; that nothing is there is no error.

    Raises:
        InvalidInputError: for an impossible name, or a folder that is not under the models root.
        ClusterError: when the folder cannot be removed.
    """
    from steps import cache

    collected = cache.evict_model(model_owner(inputs.scope, inputs.namespace, inputs.name), inputs.path)
    node = node_name() or inputs.node or platform.node() or "localhost"
    sys.stderr.write(f"{inputs.name} on {node}: {collected.freed_bytes} bytes freed\n")
    return EvictOutputs(freed_bytes=collected.freed_bytes, node=node)
