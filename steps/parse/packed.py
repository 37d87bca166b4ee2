"""How many parameters a stored tensor holds: packed weights as the values in them, scales and buffers as none.

Called by `steps.parse.tensors`. The format of a packed weight is told by its companions (`qweight` with `scales`,
`weight` with `weight.absmax`, `*_blocks` with `*_scales` …) and its bits by their shapes, so a checkpoint without a
quantization_config, or with other bits in some layers, is counted right too. Layouts are those that the tools write:
AutoGPTQ, AutoAWQ, GPTQModel, bitsandbytes, compressed-tensors, ModelOpt, Quark, torchao, HQQ, MLX, AQLM, ExLlama.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Final

from steps.parse.safetensors import DTYPE_BITS, Tensor

FLOATS: Final = {
    "BF16": "bfloat16",
    "F16": "float16",
    "F32": "float32",
    "F64": "float64",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
}
_OTHER_FLOATS: Final = frozenset({"F4", "F6_E2M3", "F6_E3M2", "F8_E4M3FNUZ", "F8_E5M2FNUZ"})
_COMPANIONS: Final = re.compile(
    r"(\.|_)(qzeros|scales?|zeros?|zero_point|g_idx|perm|weight_scales?|weight_scale_inv|weight_scale_2|scale_inv|"
    r"weight_zero_point|weight_g_idx|weight_shape|weight_global_scale|input_global_scale|input_scale|input_scale_ub|"
    r"input_zero_point|output_scale|output_zero_point|k_scale|v_scale|kv_scale|q_scale|prob_scale|act_scale|"
    r"activation_scale|SCB|weight_format|absmax|quant_map|nested_absmax|nested_quant_map|quant_state\.\w+|"
    r"pre_quant_scale|input_amax|weight_amax|scale_2|smooth_scale|input_perm|weight_offset|weight_bias_correction|"
    r"q_groups|q_group_map|q_scale_max|q_perm|suh|svh|su|sv|mcg|mul1|k_zero_point|v_zero_point|"
    r"(?:k|v|kv)_cache_scaling_factor|codebooks|compressed|row_offsets)$"
)
_SHIFTS: Final = re.compile(r"(\.|_)biases$")
_BUFFERS: Final = re.compile(
    r"(rotary_emb\.(inv_freq|cos_cached|sin_cached)|position_ids|num_batches_tracked|attn\.masked_bias|"
    r"\.inv_freq|causal_mask|relative_position_index|attn_mask|token_type_ids)$"
)
_CAUSAL_MASK: Final = re.compile(r"attn(ention)?\.bias$")
_CACHE_SCALES: Final = frozenset(
    {"k_scale", "v_scale", "kv_scale", "q_scale", "prob_scale", "k_zero_point", "v_zero_point",
     "k_cache_scaling_factor", "v_cache_scaling_factor", "kv_cache_scaling_factor"}
)  # fmt: skip
_WEIGHTS: Final = ("", ".weight", ".qweight", ".weight_packed", "_blocks", "_packed", ".W_q", "_qweight", ".q_weight",
                   "_weight_qdata", ".codes", ".trellis", ".bitmask", ".weight.bitmask")  # fmt: skip
_PACKED: Final = re.compile(r"(qweight|weight_packed|_packed|\.W_q|_weight_qdata|\.weight)$")
_SCALES: Final = ("weight_scale", "scales", "scale", "_weight_scale", "SCB", "weight_scale_inv")
_ZEROS: Final = ("qzeros", "weight_zero_point")
_WORDS: Final = frozenset({"I32", "U32"})
_NARROW: Final = _WORDS | {"I16", "U16"}
_INTEGERS: Final = frozenset(range(1, 9))
_MANY: Final = 4096
_TILE: Final = 256
"""ExLlama 3 stores tiles of 16 x 16 weights."""


@dataclass(frozen=True)
class Packing:
    """What counting needs to know from the configuration.

    Attributes:
        bits: Of packed integer weights; 0 when not known, then shapes tell, else 4 is taken.
        method: The quantization's name, "" for none.
        group_size: Weights that share a scale; 0 when unknown.
        group_sizes: Of the modules that have another one, by name.
        vocabulary: Tokens, 0 when unknown: then names alone tell embeddings.
        experts: Routed experts a layer, 0 when unknown.
        experts_per_token: 0 when unknown.
        layers: Layers of the model proper; higher ones are draft (multi-token prediction) layers. 0 when unknown.
        is_tied: Whether the output head is the embedding, even where both are stored.
    """

    bits: float = 0.0
    method: str = ""
    group_size: int = 0
    group_sizes: Mapping[str, int] = field(default_factory=dict)
    vocabulary: int = 0
    experts: int = 0
    experts_per_token: int = 0
    layers: int = 0
    is_tied: bool = False


def parameters_in(tensor: Tensor, by_name: Mapping[str, Tensor], packing: Packing, unknown: list[str]) -> int:
    """How many parameters a tensor holds: 0 for scales, zero points and buffers.

    Args:
        tensor: The tensor.
        by_name: All tensors of the model, to find its companions.
        packing: What the configuration says.
        unknown: Gets the end of a sentence for a tensor that is not understood and counted as stored.
    """
    name, dtype = tensor.name, tensor.dtype
    if _BUFFERS.search(name) or (_CAUSAL_MASK.search(name) and len(tensor.shape) == 4):
        return 0
    if _is_companion(name, by_name):
        return 0
    if dtype in FLOATS or dtype in _OTHER_FLOATS:
        return tensor.values
    base = _base(name)
    if dtype in _WORDS and (_PACKED.search(name) and not (name.endswith(".weight") and _scale(base, by_name) is None)):
        return _words(tensor, base, by_name, packing, unknown)
    if name.endswith("_blocks") and f"{name[:-7]}_scales" in by_name:  # MXFP4 as gpt-oss has it
        return tensor.values * 2
    if (values := _by_other_rules(tensor, base, by_name)) is not None:
        return values
    if dtype in ("U8", "I8"):
        return _bytes(tensor, base, by_name, packing, unknown)
    if dtype in DTYPE_BITS:  # indices, masks, counters; of a quantized model perhaps weights in a new format
        if packing.method and dtype in _NARROW and len(tensor.shape) > 1 and tensor.values > _MANY:
            unknown.append(f'tensor "{name[:80]}" holds whole numbers that no known format explains')
        return 0
    unknown.append(f'tensor "{name[:80]}" has the unknown type {dtype[:20]}')
    return tensor.values


def _is_companion(name: str, by_name: Mapping[str, Tensor]) -> bool:
    """Whether a tensor only helps to read a weight that is there: a layer of its own called `scales` is counted."""
    if match := _SHIFTS.search(name):  # MLX's zero points; other models call plain biases so
        base = name[: match.start()]
        return f"{base}.scales" in by_name or f"{base}_scales" in by_name
    match = _COMPANIONS.search(name)
    if match is None:
        return False
    base = name[: match.start()]
    return match[2] in _CACHE_SCALES or any(base + ending in by_name for ending in _WEIGHTS)


def _base(name: str) -> str:
    """What the companions' names begin with: `a.b.` of `a.b.qweight`, `a.b_` of `a.b`."""
    match = _PACKED.search(name)
    if match is None:
        return name[: name.rfind(".") + 1] if name.endswith((".codes", ".q_weight")) else f"{name}_"
    return name[: match.start()] + ("." if match[1].startswith(".") else "_" if match[1] == "_packed" else "")


def _scale(base: str, by_name: Mapping[str, Tensor]) -> Tensor | None:
    return next((found for end in _SCALES if (found := by_name.get(base + end)) is not None), None)


def _words(tensor: Tensor, base: str, by_name: Mapping[str, Tensor], packing: Packing, unknown: list[str]) -> int:
    """Values in words of 32 bits. Odd widths are dense in GPTQ and MLX, and padded in compressed-tensors and HQQ."""
    bits = _bits_by_shapes(tensor, base, by_name, packing) or int(packing.bits)  # a fraction is that of the scales
    if not 0 < bits <= 16:
        unknown.append(f'tensor "{tensor.name[:80]}" is packed with bits that nothing tells, 4 are taken')
        bits = 4
    if tensor.name.endswith(("_packed", ".W_q")):
        return tensor.values * (32 // bits)
    return tensor.values * 32 // bits


def _bits_by_shapes(tensor: Tensor, base: str, by_name: Mapping[str, Tensor], packing: Packing) -> int:
    """Bits of packed weights as the companions' shapes prove them, 0 when they do not."""
    scale, shape = _scale(base, by_name), tensor.shape
    zeros = next((found for end in _ZEROS if (found := by_name.get(base + end)) is not None), None)
    # Zero points are packed like the weights, one for each scale.
    is_packed = scale is not None and zeros is not None and zeros.dtype in _WORDS
    if scale is not None and zeros is not None and is_packed and (bits := _whole(32 * zeros.values, scale.values)):
        return bits
    order = by_name.get(f"{base}g_idx") or by_name.get(f"{base}weight_g_idx")  # one number for each input
    packed_axis = -1 if tensor.name.endswith("_packed") else -2
    if order is not None and len(shape) >= 2 and (bits := _whole(32 * shape[packed_axis], order.values)):
        return bits
    group = packing.group_sizes.get(base.rstrip("."), packing.group_size)
    is_by_rows = not tensor.name.endswith("qweight")
    if is_by_rows and scale is not None and group and len(scale.shape) == len(shape) and scale.shape[-1:] > (1,):
        return _whole(32 * shape[-1], scale.shape[-1] * group)
    return 0


def _whole(above: int, below: int) -> int:
    """The quotient when it is a width that weights are packed to, else 0."""
    return above // below if below and above % below == 0 and above // below in _INTEGERS else 0


def _by_other_rules(tensor: Tensor, base: str, by_name: Mapping[str, Tensor]) -> int | None:
    """Formats whose shapes alone tell: AQLM's codes, ExLlama 2 and 3, sparse weights with a mask of bits."""
    name, shape = tensor.name, tensor.shape
    if name.endswith(".codes") and (book := by_name.get(f"{base}codebooks")) is not None and len(book.shape) == 4:
        return prod(shape[:-1]) * book.shape[2] * book.shape[3]
    if name.endswith(".q_weight") and (order := by_name.get(f"{base}q_invperm")) is not None and len(shape) == 2:
        return order.values * shape[1]
    if name.endswith(".trellis") and len(shape) == 3:
        return shape[0] * shape[1] * _TILE
    if name.endswith(".bitmask") and tensor.dtype == "U8":
        return tensor.values * 8
    return None


def _bytes(tensor: Tensor, base: str, by_name: Mapping[str, Tensor], packing: Packing, unknown: list[str]) -> int:
    name = tensor.name
    if f"{name}.absmax" in by_name:  # bitsandbytes, 4 bit
        return tensor.values * 2
    if name.endswith("weight_packed"):  # compressed-tensors packs NVFP4 and MXFP4 so, whatever `bits` a config gives
        return tensor.values * 2
    if name.endswith(("qweight", ".W_q", "_packed")):
        return tensor.values * 8 // _storage_bits(packing.bits or 4.0)
    scale = _scale(base, by_name)
    if scale is not None and tensor.dtype == "I8" and scale.dtype != "F8_E8M0":
        return tensor.values
    if scale is not None:
        # NVFP4 and MXFP4 have two values a byte and a scale each 16 or 32; others do as the configuration says.
        is_block = scale.values and tensor.values in (8 * scale.values, 16 * scale.values)
        return tensor.values * (2 if is_block else 8 // _storage_bits(packing.bits or 4.0))
    if tensor.dtype == "I8":
        return tensor.values
    if tensor.values > _MANY:
        unknown.append(f'tensor "{name[:80]}" holds bytes that no known format explains')
        return tensor.values
    return 0


def _storage_bits(bits: float) -> int:
    """Bits that a value takes in a byte: 3 is stored as 4, 1.58 as 2, and 4.5 is 4 with the scales."""
    return next((width for width in (1, 2, 4) if bits <= width + 0.5), 8)
