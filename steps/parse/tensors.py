"""Adds up the parameters of a model's tensors: in all, used for each token, in embeddings; and their dominant type."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from steps.parse.packed import FLOATS, Packing, parameters_in
from steps.parse.safetensors import Tensor

_EMBEDDING: Final = re.compile(
    r"(^|\.)(embed_tokens|wte|word_embeddings|tok_embeddings|tok_embd|token_embd|embed_in|shared|lm_head|embed_out|"
    r"embeddings|embed|output|embedding|embed_tokens_per_layer|head)\.(weight|qweight|weight_packed|_weight_qdata)$"
)
_EXPERT: Final = re.compile(r"\.experts\.|\.switch_mlp\.|_exps\.|block_sparse_moe\.(input|output)_linear")
_LAYER: Final = re.compile(r"(^|\.)(layers|h|blocks|blk|block)\.\d+\.")
_MAIN_LAYER: Final = re.compile(r"^(?:(?:model|language_model)\.)*layers\.(\d{1,6})\.")
_MTP: Final = re.compile(r"(^|\.)(mtp|nextn|mtp_layers|mtp_block|model_mtp)(\.|_)")


@dataclass(frozen=True)
class TensorCount:
    """What the tensors of a model add up to; `reason` is "" when every one was understood."""

    total: int
    active: int
    embedding: int
    bytes: int
    dtype: str
    reason: str


def count_tensors(tensors: Sequence[Tensor], packing: Packing) -> TensorCount:
    """Count the parameters that tensors hold.

    Raises:
        Nothing: any tensors give a count; what was not understood is in `reason`.
    """
    by_name = {tensor.name: tensor for tensor in tensors}
    total = inactive = embedding = routed = 0
    dtypes: Counter[str] = Counter()
    unknown: list[str] = []
    heads: list[tuple[str, int]] = []
    for tensor in tensors:
        values = parameters_in(tensor, by_name, packing, unknown)
        if not values:
            continue
        if tensor.dtype in FLOATS:
            dtypes[tensor.dtype] += values
        total += values
        if _is_embedding(tensor, packing.vocabulary):
            embedding += values
            heads.append((tensor.name, values))
        if _is_draft(tensor.name, packing.layers):
            inactive += values
        elif _EXPERT.search(tensor.name):
            routed += values
    if packing.is_tied:
        twice = _stored_twice(heads)
        total, embedding = total - twice, embedding - twice
    if packing.experts and 0 < packing.experts_per_token <= packing.experts:
        inactive += routed - routed * packing.experts_per_token // packing.experts
    return TensorCount(
        total=total,
        active=total - inactive,
        embedding=embedding,
        bytes=sum(tensor.bytes for tensor in tensors),
        dtype=_dominant(dtypes),
        reason=f"{len(unknown)} not understood, such as {unknown[0]}" if unknown else "",
    )


def _is_embedding(tensor: Tensor, vocabulary: int) -> bool:
    if not _EMBEDDING.search(tensor.name) or len(tensor.shape) != 2 or _LAYER.search(tensor.name):
        return False
    return not vocabulary or any(vocabulary <= size < vocabulary * 1.1 + 1024 for size in tensor.shape)


def _is_draft(name: str, layers: int) -> bool:
    if _MTP.search(name):
        return True
    match = _MAIN_LAYER.match(name)
    return bool(layers and match and int(match[1]) >= layers)


def _stored_twice(heads: Iterable[tuple[str, int]]) -> int:
    """Values of an output head that repeats the embedding."""
    sizes = list(heads)
    outputs = [values for name, values in sizes if re.search(r"(lm_head|embed_out|output)\.weight$", name)]
    inputs = [values for name, values in sizes if not re.search(r"(lm_head|embed_out|output)\.weight$", name)]
    return outputs[0] if outputs and outputs[0] in inputs else 0


def _dominant(dtypes: Counter[str]) -> str:
    """The type of most unquantized weights; 8-bit floats only when there is nothing else."""
    plain = Counter({d: n for d, n in dtypes.items() if not d.startswith("F8")})
    most = (plain or dtypes).most_common(1)
    return FLOATS[most[0][0]] if most else ""


def experts_in(tensors: Iterable[Tensor]) -> int:
    """How many routed experts the names number: the highest index plus one, 0 for none."""
    highest = -1
    for tensor in tensors:
        match = re.search(r"\.experts\.(\d{1,6})\.", tensor.name)
        if match:
            highest = max(highest, int(match[1]))
    return highest + 1
