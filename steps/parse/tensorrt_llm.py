"""Configurations of TensorRT-LLM engines and checkpoints in the usual names, and what an engine is built for.

The config.json of an engine has `pretrained_config` (the model, its quantization and its mapping to ranks) and
`build_config` (limits); that of a checkpoint is the `pretrained_config` alone. Names are those of TensorRT-LLM's
documentation ("TensorRT LLM Checkpoint", nvidia.github.io/TensorRT-LLM/architecture/checkpoint.html).
"""

from typing import Final

from steps.errors import NotFoundError
from steps.parse.config import Config
from steps.parse.layout import Layout
from steps.parse.strict_json import Json

_NAMES: Final = {"head_size": "head_dim", "num_experts": "num_local_experts", "top_k": "num_experts_per_tok"}


def from_engine(root: Config) -> Config:
    """The model's configuration; the context is what the engine is built for, when it says so."""
    model = root.section("pretrained_config") or root
    made: Json = {_NAMES.get(name, name): value for name, value in model.values.items()}
    if (experts := model.section("moe", "moe_config")) is not None:
        made |= {_NAMES.get(name, name): value for name, value in experts.values.items() if value}
    if limit := _limit(root):
        made["max_position_embeddings"] = limit
    return Config(made, root.where, root.warnings)


def _limit(root: Config) -> int:
    """Tokens of a sequence: `max_seq_len`, before 0.11 the input's and the output's."""
    build = root.section("build_config")
    if build is None:
        return 0
    return build.integer("max_seq_len") or (build.integer("max_input_len") + build.integer("max_output_len"))


def check_ranks(root: Config, layout: Layout) -> str:
    """What the engine needs of a machine, as a sentence, "" for one GPU.

    Raises:
        NotFoundError: names the first rank that is missing.
    """
    model = root.section("pretrained_config") or root
    mapping = model.section("mapping")
    if mapping is None:
        return ""
    tensor, pipeline = mapping.integer("tp_size", default=1), mapping.integer("pp_size", default=1)
    ranks = mapping.integer("world_size") or tensor * pipeline
    if ranks > len(layout.weights):
        missing = f"{layout.folder}rank{len(layout.weights)}.{layout.weights[0].rpartition('.')[2]}"
        raise NotFoundError(
            f"{missing}: is missing; {root.where} says that there are {ranks} ranks",
            remedy="Import the model with the engines of all ranks: check allowPatterns and the source.",
        )
    if ranks < 2:
        return ""
    return f"{root.where}: is built for {ranks} GPUs, tensor parallel {tensor} and pipeline parallel {pipeline}."
