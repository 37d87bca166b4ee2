"""How a checkpoint is quantized, from its configuration: method, bits, group size, and the KV cache's type.

Understood are transformers' `quantization_config`, llm-compressor's `compression_config`, ModelOpt's
`hf_quant_config.json`, MLX's and TensorRT-LLM's `quantization`, and what each method writes inside them. A method that
is not known keeps its own name, and what it says of bits and groups in the usual words is read all the same.
"""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Final

from steps.facts import Quantization
from steps.parse.config import TEXT_SECTIONS, Config

_SECTIONS: Final = ("quantization_config", "compression_config", "quantization")
_NAMES: Final = {"compressed_tensors": "compressed-tensors", "bnb": "bitsandbytes", "mixed_precision": "modelopt"}
_ALGORITHMS: Final[tuple[tuple[str, str], ...]] = (
    ("fbgemm", "fbgemm_fp8"),
    ("nvfp4", "nvfp4"),
    ("modelopt_fp4", "nvfp4"),
    ("mxfp4", "mxfp4"),
    ("mxfp8", "mxfp8"),
    ("awq", "awq"),
    ("gptq", "gptq"),
    ("fp8", "fp8"),
    ("w4a16", "int4"),
    ("w8a16", "int8"),
    ("w8a8_sq", "int8"),
)
"""Part of what tools and engines call a method (`W4A16_AWQ`, `FP8_PB_WO`, `gptq_marlin`), and its name."""
_BITS: Final = {"fp8": 8.0, "fbgemm_fp8": 8.0, "mxfp8": 8.25, "mxfp4": 4.25, "nvfp4": 4.5, "awq": 4.0, "gptq": 4.0,
                "int4": 4.0, "int8": 8.0, "bitnet": 2.0, "eetq": 8.0}  # fmt: skip
_GROUPS: Final = {"mxfp4": 32, "mxfp8": 32, "nvfp4": 16}
_WIDTH: Final = re.compile(r"(?:int|uint|fp|float|nf)_?(\d{1,2})", re.IGNORECASE)


def quantization_of(config: Config, hf_quant: Config | None) -> Quantization | None:
    """How weights are quantized, or None when the configuration says nothing of it.

    Args:
        config: The model's configuration.
        hf_quant: ModelOpt's `hf_quant_config.json`, or None.
    """
    section = _section(config)
    modelopt = hf_quant.section("quantization") if hf_quant is not None else None
    if modelopt is not None and (section is None or not section.has("quant_method")):
        section = modelopt
    return _quantization(section) if section is not None else None


def group_sizes_of(config: Config) -> Mapping[str, int]:
    """Group sizes of the modules that the configuration quantizes in their own way, by name, as MLX writes them."""
    section = _section(config)
    if section is None:
        return {}
    own = ((name, part) for name in section.values if (part := section.section(name)) is not None)
    return {name: size for name, part in own if (size := part.integer("group_size"))}


def _section(config: Config) -> Config | None:
    levels = [config, *(part for name in (*TEXT_SECTIONS, "pretrained_config") if (part := config.section(name)))]
    return next((found for level in levels if (found := level.section(*_SECTIONS)) is not None), None)


def _quantization(section: Config) -> Quantization | None:
    method = _method(section)
    if not method:
        return None
    weights = _weight_scheme(section)
    bits = section.number("bits", "w_bit", "wbits", "nbits", "weight_bits")
    group = section.integer("group_size", "q_group_size", "weight_block_group_size")
    if weights is not None:
        bits = bits or weights.number("num_bits", "nbits") or _width(weights.text("dtype", "_type", "weight_dtype"))
        group = group or weights.integer("group_size")
    if not group and (block := section.integers("weight_block_size")):
        group = block[-1]
    if method == "bitsandbytes":
        bits = 4.0 if section.flag("load_in_4bit", "_load_in_4bit") else 8.0
        group = 64 if bits == 4.0 else 0
    if method == "aqlm":
        bits = _bits_of_codes(section)
    if method in _BITS and (not bits or method in _GROUPS):
        bits = _BITS[method]
    bits = bits or _width(section.text("quant_type", "weights", "weight_dtype"))
    return Quantization(
        method=method,
        bits=min(max(bits, 0.0), 64.0),
        group_size=group or _GROUPS.get(method, 0),
        kv_cache_dtype=_cache_type(section),
    )


def _method(section: Config) -> str:
    named = section.text("quant_method", "quant_algo", "quant_type").strip().lower()
    algorithm = section.text("quant_algo").strip().lower()
    if named == "modelopt" and algorithm:
        named = algorithm
    if section.flag("load_in_4bit", "_load_in_4bit", "load_in_8bit", "_load_in_8bit"):
        named = "bitsandbytes"
    if named == "mixed_precision":
        named = _most_used(section) or named
    if not named and section.text("format", "quantization_status"):
        named = "compressed-tensors"
    if not named and section.has("bits") and section.has("group_size"):
        named = "mlx"  # which writes no name
    if named in _NAMES:
        return _NAMES[named]
    return next((name for part, name in _ALGORITHMS if part in named), named)


def _most_used(section: Config) -> str:
    """What ModelOpt's mixed precision uses for most layers."""
    layers = section.section("quantized_layers")
    if layers is None:
        return ""
    parts = (layers.section(name) for name in list(layers.values)[:100_000])
    used = Counter(part.text("quant_algo").lower() for part in parts if part is not None)
    return min(used, key=lambda name: (-used[name], name), default="")


def _weight_scheme(section: Config) -> Config | None:
    """Where a method describes weights: groups of compressed-tensors, Quark's specification, HQQ's and torchao's."""
    if (weights := section.section("weights", "weight_quant_params")) is not None:
        return weights
    if (inner := section.section("quant_config")) is not None:
        return _weight_scheme_inside(inner)
    return _weight_scheme_inside(section)


def _weight_scheme_inside(section: Config) -> Config | None:
    if (described := section.section("weight_quant_params")) is not None:
        return described
    if (everywhere := section.section("global_quant_config")) is not None:
        return everywhere.section("weight")
    if (kind := section.section("quant_type")) is not None:
        default = kind.section("default") or kind
        data = default.section("_data")
        return data.over({"_type": default.text("_type")}) if data is not None else default
    groups = section.section("config_groups")
    names = sorted(groups.values) if groups is not None else []
    found = (group.section("weights") for name in names if groups and (group := groups.section(name)) is not None)
    return next((weights for weights in found if weights is not None), section.section("quant_type_kwargs"))


def _width(text: str) -> float:
    """Bits of a type's or a scheme's name: 4 of `int4_weight_only`, 8 of `fp8_e4m3`; 0 without any."""
    match = _WIDTH.search(text)
    return float(match[1]) if match else 0.0


def _bits_of_codes(section: Config) -> float:
    """AQLM: codes of so many bits for a group of so many weights."""
    values = section.integer("in_group_size") * section.integer("out_group_size", default=1)
    return section.integer("num_codebooks") * section.integer("nbits_per_codebook") / values if values else 0.0


def _cache_type(section: Config) -> str:
    stated = section.text("kv_cache_quant_algo", "kv_cache_dtype").lower()
    if stated:
        return stated if stated != "auto" else ""
    scheme = section.section("kv_cache_scheme")
    if scheme is not None:
        return f"{'fp' if scheme.text('type') == 'float' else 'int'}{scheme.integer('num_bits', default=8)}"
    layers = section.section("layer_quant_config")  # Quark's: the cache holds what the projections give
    parts = [layers.section(name) for name in list(layers.values)[:1000] if "k_proj" in name] if layers else []
    outputs = (part.section("output_tensors") for part in parts if part is not None)
    return next((found.text("dtype").lower() for found in outputs if found is not None), "")
