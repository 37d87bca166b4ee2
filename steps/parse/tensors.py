"""Counts parameters from tensor descriptions: packed weights as the values they hold, scales and buffers not at all.

The format of a packed weight is told by its companions (`qweight` with `scales`, `weight` with `weight.absmax`,
`*_blocks` with `*_scales` …), so a checkpoint without a quantization_config is counted right too.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from steps.parse.safetensors import DTYPE_BITS, Tensor

_FLOATS: Final = {
    "BF16": "bfloat16",
    "F16": "float16",
    "F32": "float32",
    "F64": "float64",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
}
_COMPANIONS: Final = re.compile(
    r"(\.|_)(qzeros|scales?|zeros|zero_point|g_idx|perm|weight_scale|weight_scale_inv|weight_scale_2|scale_inv|"
    r"weight_zero_point|weight_g_idx|weight_shape|weight_global_scale|input_global_scale|input_scale|input_zero_point|"
    r"output_scale|output_zero_point|k_scale|v_scale|kv_scale|q_scale|prob_scale|act_scale|activation_scale|SCB|"
    r"weight_format|absmax|quant_map|nested_absmax|nested_quant_map|quant_state\.\w+|pre_quant_scale|input_amax|"
    r"weight_amax|scale_2|smooth_scale|input_perm|weight_offset|weight_bias_correction)$"
)
_BUFFERS: Final = re.compile(
    r"(rotary_emb\.(inv_freq|cos_cached|sin_cached)|position_ids|num_batches_tracked|attn\.masked_bias|"
    r"\.inv_freq|causal_mask|relative_position_index|attn_mask|token_type_ids)$"
)
_CAUSAL_MASK: Final = re.compile(r"attn(ention)?\.bias$")
_EMBEDDING: Final = re.compile(
    r"(^|\.)(embed_tokens|wte|word_embeddings|tok_embeddings|tok_embd|token_embd|embed_in|shared|lm_head|embed_out|"
    r"embeddings|embed|output|embedding|embed_tokens_per_layer|head)\.weight$"
)
_EXPERT: Final = re.compile(r"\.experts\.|_exps\.|block_sparse_moe\.(input|output)_linear")
_LAYER: Final = re.compile(r"(^|\.)(layers|h|blocks|blk|block)\.\d+\.")
_MAIN_LAYER: Final = re.compile(r"^(?:(?:model|language_model)\.)*layers\.(\d{1,6})\.")
_MTP: Final = re.compile(r"(^|\.)(mtp|nextn|mtp_layers|mtp_block|model_mtp)(\.|_)")
_CACHE_SCALES: Final = ("k_scale", "v_scale", "kv_scale", "q_scale", "prob_scale")
_WEIGHTS: Final = ("", ".weight", ".qweight", ".weight_packed", "_blocks", "_packed", ".W_q", "_qweight")
KNOWN_METHODS: Final = frozenset(
    {"", "gptq", "awq", "auto-round", "fp8", "fbgemm_fp8", "mxfp4", "nvfp4", "compressed-tensors", "bitsandbytes",
     "modelopt", "int4", "int8", "quark", "w8a8", "autoround", "gptqmodel"}
)  # fmt: skip


@dataclass(frozen=True)
class Packing:
    """What counting needs to know from the configuration.

    Attributes:
        bits: Of packed integer weights; 0 when not known, then 4 is taken.
        method: The quantization's name, "" for none.
        vocabulary: Tokens, 0 when unknown: then names alone tell embeddings.
        experts: Routed experts a layer, 0 when unknown.
        experts_per_token: 0 when unknown.
        layers: Layers of the model proper; higher ones are draft (multi-token prediction) layers. 0 when unknown.
        is_tied: Whether the output head is the embedding, even where both are stored.
    """

    bits: float = 0.0
    method: str = ""
    vocabulary: int = 0
    experts: int = 0
    experts_per_token: int = 0
    layers: int = 0
    is_tied: bool = False


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
        values = _values(tensor, by_name, packing, unknown)
        if not values:
            continue
        if tensor.dtype in _FLOATS:
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
        reason=_reason(unknown, packing.method),
    )


def _values(tensor: Tensor, by_name: dict[str, Tensor], packing: Packing, unknown: list[str]) -> int:
    """How many parameters a tensor holds: 0 for scales, zero points and buffers."""
    name, dtype = tensor.name, tensor.dtype
    if _BUFFERS.search(name) or (_CAUSAL_MASK.search(name) and len(tensor.shape) == 4):
        return 0
    if _COMPANIONS.search(name) and _has_weight(name, by_name):
        return 0
    if (
        dtype in ("F4", "F8_E4M3", "F8_E5M2", "F8_E4M3FNUZ", "F8_E5M2FNUZ")
        or dtype in _FLOATS
        or dtype.startswith("F6")
    ):
        return tensor.values
    if name.endswith((".qweight", ".weight_packed", ".W_q", "_qweight", "_weight_packed", "_packed")):
        # compressed-tensors packs nvfp4 and mxfp4 two values to a byte whatever `bits` a config gives.
        bits = 4.0 if dtype == "U8" and not name.endswith(".W_q") else packing.bits or 4.0
        return round(tensor.values * DTYPE_BITS.get(dtype, 8) / max(bits, 1.0))
    if name.endswith("_blocks") and f"{name[:-7]}_scales" in by_name:
        return tensor.values * 2
    if dtype in ("U8", "I8"):
        return _bytes_as_values(tensor, by_name, unknown)
    if dtype in DTYPE_BITS:
        return 0  # whole numbers that no format packs weights into: indices, masks, counters
    unknown.append(f'tensor "{name[:80]}" has the unknown type {dtype[:20]}')
    return tensor.values


def _bytes_as_values(tensor: Tensor, by_name: dict[str, Tensor], unknown: list[str]) -> int:
    name = tensor.name
    base = name[: -len("weight")] if name.endswith("weight") else f"{name}_"
    if f"{name}.absmax" in by_name:  # bitsandbytes, 4 bit
        return tensor.values * 2
    scale = next((s for e in ("weight_scale", "scale", "scales", "SCB") if (s := by_name.get(base + e))), None)
    if scale is not None and tensor.dtype == "I8" and scale.dtype != "F8_E8M0":
        return tensor.values
    if scale is not None:  # NVFP4 and MXFP4: two values a byte, a scale each 16 or 32 values
        return tensor.values * 2
    if tensor.dtype == "I8":
        return tensor.values
    if tensor.values > 4096:
        unknown.append(f'tensor "{name[:80]}" holds bytes that no known format explains')
        return tensor.values
    return 0


def _has_weight(name: str, by_name: dict[str, Tensor]) -> bool:
    """Whether a companion's weight is there: so that a layer of its own called `scales` is still counted."""
    match = _COMPANIONS.search(name)
    if match is None:
        return False
    base = name[: match.start()]
    return match[2] in _CACHE_SCALES or any(base + ending in by_name for ending in _WEIGHTS)


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
    return _FLOATS[most[0][0]] if most else ""


def _reason(unknown: Sequence[str], method: str) -> str:
    if unknown:
        return f"{len(unknown)} not understood, such as {unknown[0]}"
    if method not in KNOWN_METHODS:
        return f'the packing of "{method[:40]}" is not known, its tensors are counted as stored'
    return ""


def experts_in(tensors: Iterable[Tensor]) -> int:
    """How many routed experts the names number: the highest index plus one, 0 for none."""
    highest = -1
    for tensor in tensors:
        match = re.search(r"\.experts\.(\d{1,6})\.", tensor.name)
        if match:
            highest = max(highest, int(match[1]))
    return highest + 1
