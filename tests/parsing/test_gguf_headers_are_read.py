"""GGUF headers: metadata, vocabulary, exact counts, split files, and progressive reads."""

import struct
from pathlib import Path

import pytest

from steps.errors import InvalidInputError, NotFoundError, UnsupportedError
from steps.parse.gguf import FIRST_READ, read_gguf_metadata
from tests.parsing.made_up_files import Shapes, gguf_bytes, parse_folder, write_gguf

TENSORS: Shapes = {
    "token_embd.weight": ("Q8_0", (64, 1000)),
    "blk.0.attn_q.weight": ("Q4_K", (256, 64)),
    "blk.0.ffn_down.weight": ("Q4_K", (512, 256)),
    "blk.0.attn_norm.weight": ("F32", (64,)),
    "rope_freqs.weight": ("F32", (32,)),
}
LLAMA: dict[str, object] = {
    "general.architecture": "llama",
    "general.file_type": 15,
    "general.license": "apache-2.0",
    "llama.block_count": 2,
    "llama.context_length": 8192,
    "llama.embedding_length": 64,
    "llama.attention.head_count": 8,
    "llama.attention.head_count_kv": 2,
    "tokenizer.ggml.tokens": [f"token {i}" for i in range(1000)],
    "tokenizer.ggml.scores": [0.5] * 1000,
    "tokenizer.chat_template": "{% for m in messages %}<tool_call>{{ m }}{% endfor %}",
}


@pytest.mark.parametrize("version", [2, 3])
def test_facts_of_a_small_file(version: int, tmp_path: Path) -> None:
    write_gguf(tmp_path / "m.gguf", LLAMA, TENSORS, version)
    facts = parse_folder(tmp_path)
    assert facts.parameters.total == 64 * 1000 + 256 * 64 + 512 * 256 + 64
    assert facts.parameters.embedding == 64 * 1000
    assert facts.parameters.confidence == "exact"
    assert (facts.model_type, facts.architecture) == ("llama", "LlamaForCausalLM")
    assert (facts.format, facts.format_version) == ("gguf", str(version))
    assert facts.quantization is not None
    assert (facts.quantization.method, facts.quantization.bits) == ("q4_k_m", 4.5)
    assert facts.context_length == 8192
    assert facts.vocabulary_size == 1000
    assert facts.attention.kv_bytes_per_token == 2 * 2 * 8 * 2 * 2
    assert facts.attention.kind == "gqa"
    assert facts.has_chat_template
    assert facts.tool_call_parser == "hermes"
    assert facts.licence == "apache-2.0"
    assert facts.weight_files == ("m.gguf",)
    assert facts.capabilities == ("TEXT_TO_TEXT",)


def test_a_vocabulary_of_megabytes_is_read_in_growing_ranges() -> None:
    tokens = [f"{i:040d}" for i in range(60_000)]
    header, data = gguf_bytes({**LLAMA, "tokenizer.ggml.tokens": tokens}, TENSORS)
    ranges: list[tuple[int, int]] = []

    def read(start: int, end: int) -> bytes:
        ranges.append((start, end))
        return header[start:end].ljust(end - start, b"\0")

    read_header = read_gguf_metadata(read, len(header) + data)
    assert read_header.array("tokenizer.ggml.tokens") == tuple(tokens)
    assert ranges[0] == (0, FIRST_READ)
    assert len(ranges) < 8
    assert all(before[1] == after[0] for before, after in zip(ranges, ranges[1:], strict=False))
    assert ranges[-1][1] < 2 * len(header)


def test_weights_are_never_read(tmp_path: Path) -> None:
    header, _ = gguf_bytes(LLAMA, {**TENSORS, "output.weight": ("F16", (8192, 100_000))})
    size = len(header) + 2 * 8192 * 100_000 + (1 << 20)
    read: list[int] = []

    def count(start: int, end: int) -> bytes:
        read.append(end - start)
        return header[start:end].ljust(end - start, b"\0")

    read_gguf_metadata(count, size)
    assert sum(read) <= FIRST_READ


def test_split_files_are_one_model(tmp_path: Path) -> None:
    names = list(TENSORS)
    first = {name: TENSORS[name] for name in names[:2]}
    second = {name: TENSORS[name] for name in names[2:]}
    write_gguf(tmp_path / "m-00001-of-00002.gguf", {**LLAMA, "split.count": 2}, first)
    write_gguf(tmp_path / "m-00002-of-00002.gguf", {"split.no": 1}, second)
    facts = parse_folder(tmp_path)
    assert facts.parameters.total == 64 * 1000 + 256 * 64 + 512 * 256 + 64
    assert facts.weight_files == ("m-00001-of-00002.gguf", "m-00002-of-00002.gguf")
    (tmp_path / "m-00002-of-00002.gguf").unlink()
    with pytest.raises(NotFoundError, match="m-00002-of-00002.gguf"):
        parse_folder(tmp_path)


def test_experts_windows_and_latents(tmp_path: Path) -> None:
    metadata: dict[str, object] = {
        "general.architecture": "gpt-oss",
        "general.file_type": 38,
        "gpt-oss.block_count": 4,
        "gpt-oss.expert_count": 32,
        "gpt-oss.expert_used_count": 4,
        "gpt-oss.embedding_length": 64,
        "gpt-oss.attention.head_count": 8,
        "gpt-oss.attention.head_count_kv": 2,
        "gpt-oss.attention.key_length": 16,
        "gpt-oss.attention.sliding_window": 128,
        "gpt-oss.vocab_size": 100,
    }
    write_gguf(tmp_path / "m.gguf", metadata, {"blk.0.ffn_up_exps.weight": ("MXFP4", (64, 64, 32)),
                                               "token_embd.weight": ("F16", (64, 100))})  # fmt: skip
    facts = parse_folder(tmp_path)
    assert facts.parameters.total == 64 * 64 * 32 + 6400
    assert facts.parameters.active == 64 * 64 * 4 + 6400
    assert facts.quantization is not None
    assert facts.quantization.method == "mxfp4_moe"
    assert (facts.attention.sliding_layers, facts.attention.sliding_window) == (2, 128)
    assert facts.attention.sliding_kv_bytes_per_token == facts.attention.kv_bytes_per_token == 2 * 2 * 32 * 2


def test_one_of_several_is_chosen_and_said(tmp_path: Path) -> None:
    write_gguf(tmp_path / "a-Q4.gguf", LLAMA, TENSORS)
    write_gguf(tmp_path / "b-Q8.gguf", LLAMA, TENSORS)
    write_gguf(tmp_path / "mmproj-f16.gguf", {"general.architecture": "clip"}, {})
    facts = parse_folder(tmp_path)
    assert facts.weight_files == ("a-Q4.gguf",)
    assert facts.has_vision
    assert facts.capabilities == ("IMAGE_TEXT_TO_TEXT", "TEXT_TO_TEXT")
    assert "b-Q8.gguf" in facts.warnings[0]


def _read(content: bytes) -> None:
    read_gguf_metadata(lambda start, end: content[start:end], len(content), name="m.gguf")


def _header(version: int = 3, tensors: int = 0, keys: int = 0) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, tensors, keys)


@pytest.mark.parametrize(
    ("content", "error", "says"),
    [
        (b"", InvalidInputError, "end of the file"),
        (b"GG", InvalidInputError, "end of the file"),
        (b"PK\x03\x04" + b"\0" * 100, InvalidInputError, "does not begin with GGUF"),
        (_header(version=1), UnsupportedError, "version 1"),
        (_header(version=4), UnsupportedError, "version 4"),
        (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), UnsupportedError, "big-endian"),
        (_header(keys=1 << 60), InvalidInputError, "metadata keys"),
        (_header(tensors=1 << 60), InvalidInputError, "tensors"),
        (_header(keys=1) + struct.pack("<Q", 1 << 62), InvalidInputError, "string of"),
        (_header(keys=1) + struct.pack("<Q", 1000), InvalidInputError, "end of the file"),
        (_header(keys=1) + b"\x01\0\0\0\0\0\0\0k" + struct.pack("<I", 99), InvalidInputError, "unknown type 99"),
        (
            _header(keys=1) + b"\x01\0\0\0\0\0\0\0k" + struct.pack("<IIQ", 9, 0, 1 << 40),
            InvalidInputError,
            "array values",
        ),
        (
            _header(keys=1) + b"\x01\0\0\0\0\0\0\0k" + struct.pack("<I", 9) + struct.pack("<IQ", 9, 1) * 50,
            InvalidInputError,
            "nested deeper",
        ),
        (gguf_bytes(LLAMA, TENSORS)[0], InvalidInputError, "ends at byte"),
        (gguf_bytes({"general.alignment": 3}, {})[0], InvalidInputError, "general.alignment"),
    ],
)
def test_broken_files_are_refused_by_name(content: bytes, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says) as caught:
        _read(content)
    assert "m.gguf" in str(caught.value)


def test_overlapping_and_repeated_tensors_are_refused() -> None:
    tensor = struct.pack("<Q", 1) + b"a" + struct.pack("<IQIQ", 1, 8, 0, 0)
    other = struct.pack("<Q", 1) + b"b" + struct.pack("<IQIQ", 1, 8, 0, 16)
    padding = b"\0" * 256
    with pytest.raises(InvalidInputError, match="twice"):
        _read(_header(tensors=2) + tensor + tensor + padding)
    with pytest.raises(InvalidInputError, match="overlap"):
        _read(_header(tensors=2) + tensor + other + padding)
    huge = struct.pack("<Q", 1) + b"a" + struct.pack("<IQQIQ", 2, 1 << 40, 1 << 40, 0, 0)
    with pytest.raises(InvalidInputError, match="impossible shape"):
        _read(_header(tensors=1) + huge + padding)


def test_the_real_smollm2(smollm2_gguf: Path) -> None:
    facts = parse_folder(smollm2_gguf.parent)
    assert facts.parameters.total == 134_515_008
    assert facts.parameter_size == "134.52M"
    assert facts.context_length == 8192
    assert facts.vocabulary_size == 49152
    assert (facts.attention.layers, facts.attention.heads, facts.attention.kv_heads) == (30, 9, 3)
    assert facts.has_chat_template
