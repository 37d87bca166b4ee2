"""Coverage-guided fuzzing of everything that parses: `python -m tests.parsing.fuzzing`, by atheris (libFuzzer).

Any bytes must give facts or a classed error, within 2 s and 500 MB for one case. Tests run a bounded number; the night
run is a million, with a corpus that grows in a folder that is kept:

    python -m tests.parsing.fuzzing -runs=1000000 -jobs=2 ~/.cache/ome-pipelines/fuzzing

What follows the options of libFuzzer (`-help=1`) are folders of cases; without one, the seeds here are all there is.
A failing case is written as `crash-…`; `python -m tests.parsing.fuzzing crash-…` runs it again.
"""

import json
import struct
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["steps.parse"]):
    from tests.parsing.test_hostile_files_give_facts_or_clear_errors import CONFIG, facts_or_error

from tests.parsing.made_up_files import gguf_bytes, safetensors_header
from tests.parsing.made_up_pytorch import state_dict, state_dict_pickle
from tests.parsing.public_models import MODELS

Files = Mapping[str, bytes]
_LIMITS = ("-timeout=2", "-rss_limit_mb=500", "-max_len=4096")
_HEADER = safetensors_header({"model.layers.0.up.qweight": ("I32", (4, 8)), "model.layers.0.up.scales": ("F16", (8,))})
_INDEX = {"_class_name": "FluxPipeline", "vae": ["diffusers", "AutoencoderKL"], "scheduler": ["diffusers", "Euler"]}
_ADAPTER = {"peft_type": "LORA", "r": 8, "lora_alpha": 16, "target_modules": ["q_proj"]}
_ENGINE = {"version": "0.17", "pretrained_config": {**MODELS[0].config, "mapping": {"tp_size": 1}}, "build_config": {}}
_QUANTIZED = {**MODELS[0].config, "quantization_config": {"quant_method": "quark", "quant_config": {
    "global_quant_config": {"weight": {"dtype": "int4", "group_size": 128}}}}}  # fmt: skip
_VOCABULARY = {"general.architecture": "llama", "llama.block_count": 2, "tokenizer.ggml.tokens": ["a", "b"]}
_GGUF = b"".join((gguf_bytes(_VOCABULARY, {"a.weight": ("F32", (4,))})[0], bytes(32)))
_GRAPH = bytes.fromhex("080a3a1c0a0a0a01780a017112017922072a0d0802080210014201714a0400000000")


def _shard(content: bytes) -> bytes:
    return struct.pack("<Q", len(content)) + content + bytes(64)


KINDS: tuple[tuple[Callable[[bytes], Files], tuple[bytes, ...]], ...] = (
    (lambda data: {"config.json": data}, (CONFIG, *(json.dumps(m.config).encode() for m in MODELS[:20]),
                                          json.dumps(_QUANTIZED).encode())),
    (lambda data: {"config.json": CONFIG, "model.safetensors": _shard(data)}, (_HEADER[0],)),
    (lambda data: {"config.json": CONFIG, "model.safetensors": data}, (_shard(_HEADER[0]),)),
    (lambda data: {"m.gguf": data}, (_GGUF,)),
    (lambda data: {"config.json": CONFIG, "pytorch_model.bin": data},
     (b"\x80\x02N.\x80\x02N.\x80\x02N." + state_dict_pickle(state_dict({"a.weight": ("Half", (4, 4))})),)),
    (lambda data: {"config.json": CONFIG, "model.onnx": data}, (_GRAPH,)),
    (lambda data: {"model_index.json": data, "vae/a.safetensors": _shard(b"{}")}, (json.dumps(_INDEX).encode(),)),
    (lambda data: {"adapter_config.json": data, "adapter_model.safetensors": _shard(b"{}")},
     (json.dumps(_ADAPTER).encode(),)),
    (lambda data: {"config.json": data, "rank0.engine": b"0"}, (json.dumps(_ENGINE).encode(),)),
    (lambda data: {"config.json": CONFIG, "tokenizer_config.json": data}, (b'{"chat_template": "<tool_call>"}',)),
)  # fmt: skip
"""How a case's bytes after the first become files, by the first; and bytes to begin with."""


def one_case(data: bytes) -> None:
    """Parse what a case describes: anything but facts or a classed error is raised."""
    if data:
        made, _ = KINDS[data[0] % len(KINDS)]
        facts_or_error(made(data[1:]))


def main() -> None:
    """Fuzz until the runs are done, or something fails."""
    with tempfile.TemporaryDirectory() as folder:
        for kind, (_, seeds) in enumerate(KINDS):
            for number, seed in enumerate(seeds):
                (Path(folder) / f"{kind}-{number}").write_bytes(bytes([kind]) + seed)
        given = sys.argv[1:]
        is_replay = any(Path(argument).is_file() for argument in given)
        atheris.Setup([sys.argv[0], *_LIMITS, *given, *([] if is_replay else [folder])], one_case)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
