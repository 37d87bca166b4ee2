"""How a checkpoint is quantized, from its configuration: method, bits, group size, and the KV cache's type.

Understood are transformers' `quantization_config`, llm-compressor's `compression_config`, ModelOpt's
`hf_quant_config.json`, and bitsandbytes, GPTQ and AWQ as they are written there.
"""

from typing import Final

from steps.facts import Quantization
from steps.parse.config import Config

_NAMES: Final = {
    "fp8": "fp8",
    "fbgemm_fp8": "fbgemm_fp8",
    "mxfp4": "mxfp4",
    "nvfp4": "nvfp4",
    "w4a8_awq": "awq",
    "int4_awq": "awq",
    "w4a16_awq": "awq",
    "auto-round": "auto-round",
    "modelopt_fp4": "nvfp4",
    "modelopt_fp8": "fp8",
    "compressed_tensors": "compressed-tensors",
    "bnb": "bitsandbytes",
}
_BITS: Final = {"fp8": 8.0, "fbgemm_fp8": 8.0, "mxfp4": 4.25, "nvfp4": 4.5, "awq": 4.0, "gptq": 4.0, "int4": 4.0}
_GROUPS: Final = {"mxfp4": 32, "nvfp4": 16}


def quantization_of(config: Config, hf_quant: Config | None) -> Quantization | None:
    """How weights are quantized, or None when the configuration says nothing of it.

    Args:
        config: The model's configuration.
        hf_quant: ModelOpt's `hf_quant_config.json`, or None.
    """
    section = config.section("quantization_config", "compression_config")
    if section is None and (text := config.section("text_config", "llm_config", "language_config")) is not None:
        section = text.section("quantization_config", "compression_config")
    modelopt = hf_quant.section("quantization") if hf_quant is not None else None
    if section is None and modelopt is None:
        return None
    if section is None or (modelopt is not None and not section.has("quant_method")):
        section = modelopt if modelopt is not None else section
    if section is None:
        return None
    return _quantization(section)


def _quantization(section: Config) -> Quantization | None:
    method = _method(section)
    if not method:
        return None
    weights = _weight_scheme(section)
    bits = section.number("bits", "w_bit", "wbits", "nbits", "weight_bits")
    group = section.integer("group_size", "q_group_size", "weight_block_group_size")
    if weights is not None:
        bits = bits or weights.number("num_bits")
        group = group or weights.integer("group_size")
    if not group and (block := section.integers("weight_block_size")):
        group = block[-1]
    if method == "bitsandbytes":
        bits = 4.0 if section.flag("load_in_4bit", "_load_in_4bit") else 8.0
        group = 64 if bits == 4.0 else 0
    if method in _BITS and (not bits or method in _GROUPS):
        bits = _BITS[method]
    cache = section.text("kv_cache_quant_algo", "kv_cache_dtype") or _cache_scheme(section)
    return Quantization(
        method=method,
        bits=min(max(bits, 0.0), 64.0),
        group_size=group or _GROUPS.get(method, 0),
        kv_cache_dtype=cache.lower(),
    )


def _method(section: Config) -> str:
    named = section.text("quant_method", "quant_algo", "quant_type").strip().lower()
    algorithm = section.text("quant_algo").strip().lower()
    if named == "modelopt" and algorithm:
        named = algorithm
    if section.flag("load_in_4bit", "_load_in_4bit", "load_in_8bit", "_load_in_8bit"):
        named = "bitsandbytes"
    if named in ("fp8_pb_wo", "fp8_per_channel_per_token", "fp8_per_tensor"):
        named = "fp8"
    if named == "mixed_precision":
        named = "modelopt"
    if not named and section.text("format", "quantization_status"):
        named = "compressed-tensors"
    return _NAMES.get(named, named)


def _weight_scheme(section: Config) -> Config | None:
    """The `weights` object of the first group of a compressed-tensors or ModelOpt configuration."""
    groups = section.section("config_groups")
    if groups is None:
        return None
    for name in sorted(groups.values):
        group = groups.section(name)
        if group is not None and (weights := group.section("weights")) is not None:
            return weights
    return None


def _cache_scheme(section: Config) -> str:
    scheme = section.section("kv_cache_scheme")
    if scheme is None:
        return ""
    bits = scheme.integer("num_bits")
    return f"{'fp' if scheme.text('type') == 'float' else 'int'}{bits}" if bits else ""
