"""A model in the shape of DeepSeek-V3: 163 shards, 92,000 tensors with their real names, shapes and types, no data."""

import json
from collections.abc import Iterator
from math import prod
from pathlib import Path

from steps.parse.safetensors import DTYPE_BITS
from tests.parsing.made_up_files import safetensors_header, write_config, write_safetensors
from tests.parsing.public_sparse_models import DEEPSEEK_V3

SHARDS = 163
HIDDEN, EXPERT, DENSE, VOCABULARY, LAYERS, EXPERTS = 7168, 2048, 18432, 129280, 61, 256

Described = tuple[str, str, tuple[int, ...]]


def tensors() -> Iterator[Described]:
    """Every tensor in layer order: name, dtype and shape."""
    yield "model.embed_tokens.weight", "BF16", (VOCABULARY, HIDDEN)
    for layer in range(LAYERS + 1):
        yield from _layer(layer)
    yield "model.norm.weight", "BF16", (HIDDEN,)
    yield "lm_head.weight", "BF16", (VOCABULARY, HIDDEN)


def _layer(layer: int) -> Iterator[Described]:
    at = f"model.layers.{layer}"
    yield from _fp8(f"{at}.self_attn.q_a_proj", 1536, HIDDEN)
    yield f"{at}.self_attn.q_a_layernorm.weight", "BF16", (1536,)
    yield from _fp8(f"{at}.self_attn.q_b_proj", 24576, 1536)
    yield from _fp8(f"{at}.self_attn.kv_a_proj_with_mqa", 576, HIDDEN)
    yield f"{at}.self_attn.kv_a_layernorm.weight", "BF16", (512,)
    yield from _fp8(f"{at}.self_attn.kv_b_proj", 32768, 512)
    yield from _fp8(f"{at}.self_attn.o_proj", HIDDEN, 16384)
    if layer < 3:
        yield from _feed(f"{at}.mlp", DENSE)
    else:
        yield f"{at}.mlp.gate.weight", "BF16", (EXPERTS, HIDDEN)
        yield f"{at}.mlp.gate.e_score_correction_bias", "F32", (EXPERTS,)
        yield from _feed(f"{at}.mlp.shared_experts", EXPERT)
        for expert in range(EXPERTS):
            yield from _feed(f"{at}.mlp.experts.{expert}", EXPERT)
    yield f"{at}.input_layernorm.weight", "BF16", (HIDDEN,)
    yield f"{at}.post_attention_layernorm.weight", "BF16", (HIDDEN,)
    if layer == LAYERS:
        yield f"{at}.embed_tokens.weight", "BF16", (VOCABULARY, HIDDEN)
        yield f"{at}.enorm.weight", "BF16", (HIDDEN,)
        yield f"{at}.hnorm.weight", "BF16", (HIDDEN,)
        yield f"{at}.eh_proj.weight", "BF16", (HIDDEN, 2 * HIDDEN)
        yield f"{at}.shared_head.norm.weight", "BF16", (HIDDEN,)
        yield f"{at}.shared_head.head.weight", "BF16", (VOCABULARY, HIDDEN)


def _feed(at: str, width: int) -> Iterator[Described]:
    yield from _fp8(f"{at}.gate_proj", width, HIDDEN)
    yield from _fp8(f"{at}.up_proj", width, HIDDEN)
    yield from _fp8(f"{at}.down_proj", HIDDEN, width)


def _fp8(at: str, rows: int, columns: int) -> Iterator[Described]:
    yield f"{at}.weight", "F8_E4M3", (rows, columns)
    yield f"{at}.weight_scale_inv", "F32", (-(-rows // 128), -(-columns // 128))


def shards() -> list[dict[str, tuple[str, tuple[int, ...]]]]:
    """The tensors cut into 163 files of about the same size, sorted in each as the reference writer sorts."""
    described = list(tensors())
    total = sum(_bytes(dtype, shape) for _, dtype, shape in described)
    cut: list[list[Described]] = [[] for _ in range(SHARDS)]
    done = 0
    for item in described:
        cut[min(done * SHARDS // total, SHARDS - 1)].append(item)
        done += _bytes(item[1], item[2])
    order = {"F32": 0, "BF16": 1, "F8_E4M3": 2}
    return [{n: (d, s) for n, d, s in sorted(part, key=lambda t: (order[t[1]], t[0]))} for part in cut]


def _bytes(dtype: str, shape: tuple[int, ...]) -> int:
    return prod(shape) * DTYPE_BITS[dtype] // 8


def write_model(folder: Path) -> int:
    """Write the model, sparse, and return the bytes of all its headers."""
    write_config(folder, DEEPSEEK_V3)
    headers = 0
    for number, shard in enumerate(shards(), start=1):
        path = folder / f"model-{number:05d}-of-{SHARDS:06d}.safetensors"
        write_safetensors(path, shard)
        headers += 8 + len(safetensors_header(shard, {"format": "pt"})[0])
    digests = {path.name: "0" * 64 for path in sorted(folder.glob("*.safetensors"))}
    (folder / ".hub.yaml").write_text(json.dumps({"digests": digests}))
    return headers
