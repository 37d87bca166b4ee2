"""The step that takes a model off a node. Run by `evict-model`, once a node; also safe to run again."""

import sys

from pydantic import Field

from crds.labels import ModelKind
from steps.contract import StepInputs, StepOutputs, step


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


@step(
    "evict-model",
    title="Evict the model",
    description="Removes the model's folder from the node, and every file that no other model shares.",
)
def evict_model(inputs: EvictInputs) -> EvictOutputs:
    """Remove a model's folder and what only it used.

    Raises:
        InvalidInputError: when the folder is not under the models root.
    """
    from steps.cache import models_root, remove_model
    from steps.cache.root import model_folder

    folder = model_folder(models_root(), inputs.name, inputs.path)
    collected = remove_model(folder)
    sys.stderr.write(f"{folder}: {collected.freed_bytes} bytes freed\n")
    return EvictOutputs(freed_bytes=collected.freed_bytes)
