"""Whatever a file holds, parsing gives facts or a classed error that names the file, in bounded time and memory."""

import json
import struct
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steps.errors import InvalidInputError, NotFoundError, OmeError
from steps.facts import Facts
from steps.manifest import FileEntry, Manifest
from steps.parse.model_facts import parse_facts
from steps.parse.safetensors import MAX_HEADER_BYTES, header_length, parse_header
from steps.publication import Publication, publish
from tests.parsing.made_up_files import parse_folder, safetensors_header, write_config
from tests.parsing.public_models import MODELS
from tests.parsing.public_sparse_models import DEEPSEEK_V3

QUICK = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


class Memory:
    """Reads files that are bytes in memory."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = files

    @property
    def manifest(self) -> Manifest:
        """Of all files."""
        entries = [
            FileEntry(path=p, size=len(c), algorithm="none", digest="", location=p) for p, c in self.files.items()
        ]
        return Manifest(uri="local:///m", revision="1", files=tuple(sorted(entries, key=lambda e: e.path)))

    def read(self, file: FileEntry, start: int, end: int) -> bytes:
        """A range of one."""
        return self.files[file.path][start:end]


def facts_or_error(files: Mapping[str, bytes]) -> Facts | OmeError:
    """What a user gets; anything else is a failure. Facts must be publishable and survive JSON."""
    source = Memory(files)
    try:
        facts = parse_facts(source.manifest, source)
    except OmeError as error:
        assert type(error) is not OmeError
        assert error.message
        return error
    assert Facts.model_validate_json(facts.model_dump_json(by_alias=True)) == facts
    publication = Publication(kind="ClusterBaseModel", name="m", namespace="", uri="local:///m", path="/models/m",
                              manifest=source.manifest, facts=facts, node="here")  # fmt: skip
    assert json.dumps(publish(None, publication, "2026-01-01T00:00:00Z"))
    return facts


def shard(header: bytes, data: bytes = b"") -> bytes:
    return struct.pack("<Q", len(header)) + header + data


CONFIG = json.dumps(MODELS[0].config).encode()
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=20)
    | st.sampled_from(["32", "-1", "1e999", "full_attention", "M-M*", "gpt2", "llama4_text", "nemotron_h", "mamba2"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=8,
)  # fmt: skip
KEYS = sorted({key for model in MODELS for key in model.config} | {
    "text_config", "vision_config", "audio_config", "quantization_config", "compression_config", "layers_block_type",
    "linear_attn_config", "ffn_config", "attn_config", "moe_layers_enum", "moe_layers", "id2label", "rope_parameters",
    "sliding_window_pattern", "block_auto_adjust_ff_dim", "state_size", "_class_name", "encoder_ffn_dim", "mlp_ratio",
    "is_encoder_decoder", "lru_width", "sentence_transformers", "mlp_only_layers", "kv_cache_scheme", "config_groups",
    "dim", "multiple_of", "ffn_dim_multiplier", "moe", "depth", "embed_dim", "patch_size",
    "hidden_size_per_layer_input",
})  # fmt: skip
SIZES = st.integers(0, 100_000) | st.integers(0, 2**48)


@QUICK
@given(st.binary(max_size=300))
def test_any_bytes_as_config(content: bytes) -> None:
    facts_or_error({"config.json": content})
    facts_or_error({"config.json": content, "model.safetensors": shard(b"{}")})
    facts_or_error({"params.json": content, "consolidated.pth": b"0123"})


@QUICK
@given(st.dictionaries(st.sampled_from(KEYS), JUNK | SIZES, max_size=25), st.sampled_from(MODELS))
def test_any_values_in_a_config(values: dict[str, Any], model: Any) -> None:
    made = {**model.config, **values}
    facts_or_error({"config.json": json.dumps(made).encode()})
    inner = {"model_type": "outer", "text_config": made, "vision_config": values}
    facts_or_error({"config.json": json.dumps(inner).encode()})


@QUICK
@given(st.binary(max_size=300))
def test_any_bytes_as_weights(content: bytes) -> None:
    facts_or_error({"config.json": CONFIG, "model.safetensors": content})
    facts_or_error({"config.json": CONFIG, "model.safetensors": shard(content, b"data")})
    facts_or_error({"model.gguf": content})
    facts_or_error({"model.gguf": b"GGUF" + struct.pack("<IQQ", 3, 1, 1) + content})
    facts_or_error({"model_index.json": content, "vae/model.safetensors": shard(b"{}")})
    facts_or_error({"adapter_config.json": content, "adapter_model.safetensors": shard(b"{}")})


ENTRIES = st.fixed_dictionaries(
    {},
    optional={
        "dtype": st.sampled_from(["BF16", "F32", "U8", "I32", "I8", "F4", "Q9", ""]) | JUNK,
        "shape": st.lists(st.integers(-2, 2**40) | st.integers(0, 8), max_size=4) | JUNK,
        "data_offsets": st.lists(st.integers(-8, 2**66) | st.integers(0, 64), max_size=3) | JUNK,
    },
)
NAMES = st.sampled_from(["model.layers.0.mlp.up_proj.weight", "a.qweight", "a.scales", "a.weight", "a.weight_scale",
                         "a_blocks", "a_scales", "lm_head.weight", "__metadata__", ""])  # fmt: skip
NAMES |= st.text(max_size=12)


@QUICK
@given(st.dictionaries(NAMES, ENTRIES | JUNK, max_size=6))
def test_any_header_of_the_right_form(entries: dict[str, Any]) -> None:
    header = json.dumps(entries).encode()
    facts_or_error({"config.json": CONFIG, "model.safetensors": shard(header, b"\0" * 64)})


BESIDE = ("tokenizer_config.json", "modules.json", "config_sentence_transformers.json", "hf_quant_config.json",
          "chat_template.json", "chat_template.jinja", "adapter_config.json")  # fmt: skip


@QUICK
@given(st.sampled_from(BESIDE), st.binary(max_size=60) | JUNK.map(lambda value: json.dumps(value).encode()))
def test_files_beside_the_config_only_warn(name: str, content: bytes) -> None:
    found = facts_or_error({"config.json": CONFIG, name: content})
    assert isinstance(found, Facts)
    assert found.parameters.total == MODELS[0].total


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_every_unicode_encoding_is_read(encoding: str) -> None:
    found = facts_or_error({"config.json": CONFIG.decode().encode(encoding)})
    assert isinstance(found, Facts)
    assert found.parameters.total == MODELS[0].total


def test_numbers_that_json_does_not_know() -> None:
    odd = {**MODELS[0].config, "rope_theta": float("inf"), "initializer_range": float("nan"), "x": float("-inf")}
    found = facts_or_error({"config.json": json.dumps(odd).encode()})
    assert isinstance(found, Facts)
    assert found.parameters.total == MODELS[0].total


def test_wrong_types_are_read_or_warned_of() -> None:
    text = {**MODELS[0].config, "num_hidden_layers": "32", "hidden_size": 4096.0}
    found = facts_or_error({"config.json": json.dumps(text).encode()})
    assert isinstance(found, Facts)
    assert found.parameters.total == MODELS[0].total
    assert any("num_hidden_layers" in warning for warning in found.warnings)
    for value in (-32, [32], None, True, {"a": 1}, 1.5, "many"):
        odd = {**MODELS[0].config, "model_type": "other", "num_hidden_layers": value}
        found = facts_or_error({"config.json": json.dumps(odd).encode()})
        assert isinstance(found, Facts)
        assert "num_hidden_layers" in found.parameters.reason


def test_numbers_beyond_use_are_warned_of() -> None:
    jamba = next(model for model in MODELS if model.name == "Jamba-v0.1")
    found = facts_or_error({"config.json": json.dumps({**jamba.config, "mamba_expand": 1e308}).encode()})
    assert isinstance(found, Facts)
    assert any("mamba_expand" in warning for warning in found.warnings)


def test_arrays_are_bounded_together_and_not_one_by_one() -> None:
    array = struct.pack("<IIQ", 9, 0, 1_500_000) + bytes(1_500_000)
    keys = b"".join(struct.pack("<Q", 1) + name + array for name in (b"a", b"b"))
    found = facts_or_error({"m.gguf": b"GGUF" + struct.pack("<IQQ", 3, 0, 2) + keys})
    assert isinstance(found, InvalidInputError)
    assert "array values" in found.message


def test_repeated_keys() -> None:
    twice = CONFIG[:-1] + b', "num_hidden_layers": 16}'
    found = facts_or_error({"config.json": twice})
    assert isinstance(found, Facts)
    assert found.attention.layers == 16
    assert any("twice" in warning for warning in found.warnings)
    entry = b'{"dtype":"F32","shape":[1],"data_offsets":[0,4]}'
    found_error = facts_or_error({"config.json": CONFIG, "model.safetensors":
                                  shard(b'{"a":' + entry + b',"a":' + entry + b"}", b"0000")})  # fmt: skip
    assert isinstance(found_error, InvalidInputError)
    assert 'model.safetensors: header has the key "a" twice' in found_error.message


@pytest.mark.parametrize(
    ("config", "says"),
    [
        (b"", "config.json: is not valid JSON"),
        (b"{", "config.json: is not valid JSON"),
        (b"[1]", "config.json: holds a list"),
        (b"[" + b"[]," * 1_000_000 + b"0]", "config.json: has too many objects"),
        (b"[" * 200_000, "config.json: is nested too deeply"),
        (b'{"a":' * 200_000, "config.json: is nested too deeply"),
        (b"\xff\xfe\x00", "config.json: is not text"),
        (b'{"a": ' + b"9" * 5000 + b"}", "config.json: is not valid JSON"),
        (b"{}", "config.json: has neither model_type nor architectures"),
        (json.dumps({**DEEPSEEK_V3, "hidden_size": 2**48, "n_routed_experts": 2**40}).encode(), "which no model has"),
    ],
)
def test_a_broken_config_is_named(config: bytes, says: str) -> None:
    found = facts_or_error({"config.json": config})
    assert isinstance(found, InvalidInputError)
    assert says in found.message


def test_a_missing_config_is_named() -> None:
    found = facts_or_error({"model.safetensors": shard(b"{}")})
    assert isinstance(found, NotFoundError)
    assert "config.json" in found.message
    assert isinstance(facts_or_error({"README.md": b"x"}), InvalidInputError)


def entry(start: int, end: int, shape: object = None, dtype: object = "U8") -> dict[str, object]:
    return {"dtype": dtype, "shape": [end - start] if shape is None else shape, "data_offsets": [start, end]}


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ({"a": entry(0, 8), "b": entry(4, 12)}, "overlap"),
        ({"a": entry(0, 100)}, "ends at byte 100 of the data, which has 64"),
        ({"a": entry(0, 4, [2**40, 2**40])}, "impossible shape"),
        ({"a": entry(0, 4, [-4])}, "shape"),
        ({"a": entry(0, 4, [True, 4])}, "shape"),
        ({"a": entry(0, 4, ["4"])}, "shape"),
        ({"a": entry(0, 4, None, 7)}, "dtype"),
        ({"a": entry(0, 4, [4], "BF16")}, "takes 4 bytes, but BF16"),
        ({"a": {"dtype": "U8", "shape": [4], "data_offsets": [8, 4]}}, "data_offsets"),
        ({"a": {"dtype": "U8", "shape": [4]}}, "data_offsets"),
        ({"a": [1]}, "expected an object"),
    ],
)
def test_a_broken_header_is_named(entries: dict[str, object], says: str) -> None:
    found = facts_or_error(
        {"config.json": CONFIG, "model.safetensors": shard(json.dumps(entries).encode(), bytes(64))}
    )
    assert isinstance(found, InvalidInputError)
    assert "model.safetensors" in found.message
    assert says in found.message


def test_unsorted_offsets_are_fine() -> None:
    entries = {"b": entry(8, 16), "a": entry(0, 8)}
    assert [t.name for t in parse_header(json.dumps(entries).encode(), 16, "m")] == ["a", "b"]


def test_header_lengths_are_checked_before_reading() -> None:
    with pytest.raises(InvalidInputError, match="at most"):
        header_length(struct.pack("<Q", MAX_HEADER_BYTES + 1), 1 << 40, "m")
    with pytest.raises(InvalidInputError, match="but the file has 100"):
        header_length(struct.pack("<Q", 1000), 100, "m")
    with pytest.raises(InvalidInputError, match="too few"):
        header_length(b"\0\0", 2, "m")


def test_missing_shards_are_named() -> None:
    header, size = safetensors_header({"a.weight": ("F32", (2,))})
    found = facts_or_error({"config.json": CONFIG, "model-00001-of-00003.safetensors": shard(header, bytes(size)),
                            "model-00003-of-00003.safetensors": shard(header, bytes(size))})  # fmt: skip
    assert isinstance(found, NotFoundError)
    assert "model-00002-of-00003.safetensors" in found.message


def test_a_pointer_file_is_no_model(tmp_path: Path) -> None:
    write_config(tmp_path, MODELS[0].config)
    (tmp_path / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    with pytest.raises(InvalidInputError, match="model.safetensors: header length"):
        parse_folder(tmp_path)


MOST_VALUES = """
import json, pathlib, re, resource, struct, sys
from steps.parse.gguf import read_gguf_metadata
from steps.parse.safetensors import parse_header
if sys.argv[1] == "gguf":
    content = b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1) + b"k" + struct.pack("<IIQ", 9, 8, 1_900_000)
    content += (struct.pack("<Q", 1) + b"x") * 1_900_000
    read_gguf_metadata(lambda start, end: content[start:end], len(content))
else:
    entries = {f"{i:06d}": {"dtype": "U8", "shape": [1], "data_offsets": [i, i + 1]} for i in range(100_000)}
    content = json.dumps(entries).encode()
    del entries
    parse_header(content, 100_000, "m")
status = pathlib.Path("/proc/self/status")
if status.exists():  # Linux's ru_maxrss also counts what the parent had before this program was started
    print(int(re.search(r"VmHWM:\\s+(\\d+) kB", status.read_text())[1]) // 1024)
else:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 20)
"""


@pytest.mark.parametrize("kind", ["gguf", "safetensors"])
def test_memory_stays_bounded(kind: str) -> None:
    done = subprocess.run([sys.executable, "-c", MOST_VALUES, kind], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 250  # MiB of the whole process, interpreter included


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=30), max_size=5))
def test_any_file_names(names: list[str]) -> None:
    facts_or_error({name: b"{}" for name in names})
