"""PyTorch files: the pickle tells every tensor, shared ones once; what cannot be followed is estimated by size."""

import json
import pickle
import tempfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steps.parse.pytorch import MOST_READ, pickled_tensors
from steps.parse.ranges import ModelFiles
from tests.parsing.made_up_files import FolderReader, describe_folder, parse_folder, write_config
from tests.parsing.made_up_pytorch import (
    SIZES,
    Storage,
    Tensor,
    state_dict,
    state_dict_pickle,
    write_old_pytorch,
    write_pytorch,
)
from tests.parsing.public_models import MODELS
from tests.parsing.test_hostile_files_give_facts_or_clear_errors import facts_or_error

LLAMA = MODELS[0].config
SHAPES: dict[str, tuple[str, tuple[int, ...]]] = {
    "model.embed_tokens.weight": ("BFloat16", (128256, 16)),
    "model.layers.0.mlp.up_proj.weight": ("BFloat16", (32, 16)),
    "model.layers.0.self_attn.rotary_emb.inv_freq": ("Float", (8,)),
    "model.norm.weight": ("Float", (16,)),
}
TOTAL = 128256 * 16 + 32 * 16 + 16


def write_model(folder: Path) -> Path:
    write_config(folder, LLAMA)
    return folder / "pytorch_model.bin"


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_tensor_is_told(protocol: int, tmp_path: Path) -> None:
    write_pytorch(write_model(tmp_path), state_dict(SHAPES), protocol)
    facts = parse_folder(tmp_path)
    assert (facts.parameters.total, facts.parameters.embedding) == (TOTAL, 128256 * 16)
    assert (facts.parameters.confidence, facts.parameters.source) == ("exact", "PyTorch pickles")
    assert facts.bytes_in_memory == 2 * (128256 * 16 + 32 * 16) + 4 * (8 + 16)
    assert (facts.format, facts.dtype) == ("pytorch", "bfloat16")


def test_the_old_format_is_read_too(tmp_path: Path) -> None:
    write_old_pytorch(write_model(tmp_path), state_dict(SHAPES))
    assert parse_folder(tmp_path).parameters.total == TOTAL


def test_tensors_that_share_memory_count_once(tmp_path: Path) -> None:
    shared = Storage("Half", "0", 100 * 8)
    state = {"a.weight": Tensor(shared, (100, 8)), "lm_head.weight": Tensor(shared, (100, 8), is_parameter=True),
             "b.weight": Tensor(shared, (50, 8), offset=400)}  # fmt: skip
    write_pytorch(write_model(tmp_path), {"step": 3, "state_dict": state, "args": None})
    assert parse_folder(tmp_path).parameters.total == 100 * 8 + 50 * 8


def test_shards_and_ranks_add_up(tmp_path: Path) -> None:
    write_config(tmp_path, LLAMA)
    write_pytorch(tmp_path / "pytorch_model-00001-of-00002.bin", state_dict({"a.weight": ("Half", (10, 10))}))
    write_pytorch(tmp_path / "pytorch_model-00002-of-00002.bin", state_dict({"b.weight": ("Half", (5, 5))}))
    assert parse_folder(tmp_path).parameters.total == 125
    write_config(tmp_path / "meta", {"dim": 64, "n_layers": 2, "n_heads": 2, "vocab_size": 8}, "params.json")
    for rank in range(2):
        write_pytorch(tmp_path / "meta" / f"consolidated.0{rank}.pth", state_dict({"a.weight": ("Half", (10, 10))}))
    assert parse_folder(tmp_path / "meta").parameters.total == 200


def test_packed_weights_are_unpacked(tmp_path: Path) -> None:
    write_config(tmp_path, {**LLAMA, "quantization_config": {"quant_method": "gptq", "bits": 4}})
    write_pytorch(tmp_path / "pytorch_model.bin", state_dict({
        "layers.0.up_proj.qweight": ("Int", (32, 64)), "layers.0.up_proj.scales": ("Half", (2, 64)),
        "layers.0.up_proj.qzeros": ("Int", (2, 8))}))  # fmt: skip
    assert parse_folder(tmp_path).parameters.total == 32 * 8 * 64


def test_an_adapter_in_pytorchs_format(tmp_path: Path) -> None:
    write_config(tmp_path, {"peft_type": "LORA", "r": 8, "base_model_name_or_path": "o/b"}, "adapter_config.json")
    write_pytorch(tmp_path / "adapter_model.bin", state_dict({"a.lora_A.weight": ("Float", (8, 64))}))
    facts = parse_folder(tmp_path)
    assert (facts.parameters.total, facts.parameters.confidence) == (512, "exact")


class Runs:
    """Would run code when it is unpickled."""

    def __reduce__(self) -> Any:
        return exec, ("raise SystemExit('ran')",)


@pytest.mark.parametrize(
    "content",
    [b"", b"PK\x03\x04", b"0" * 100, pickle.dumps({"a": 1}), pickle.dumps(Runs()), b"\x80\x02" + b"]" * 2_000_000,
     b"PK\x03\x04" + b"\0" * 100 + b"PK\x05\x06" + b"\xff" * 18],
)  # fmt: skip
def test_what_cannot_be_followed_counts_by_size(content: bytes, tmp_path: Path) -> None:
    write_model(tmp_path).write_bytes(content)
    parameters = parse_folder(tmp_path).parameters
    assert parameters.confidence == "estimated"
    assert "PyTorch files" in parameters.reason


@pytest.mark.parametrize(("at", "value"), [(8, 1), (8, 0x20), (8, 0x40), (6, 99)], ids=str)
def test_an_archive_that_zipfile_does_not_open_counts_by_size(at: int, value: int, tmp_path: Path) -> None:
    path = write_pytorch(write_model(tmp_path), state_dict(SHAPES))
    content = bytearray(path.read_bytes())
    entry = content.index(b"PK\x01\x02")  # of the directory, where flags and the version needed are
    while entry >= 0:
        content[entry + at] = value
        entry = content.find(b"PK\x01\x02", entry + 1)
    path.write_bytes(content)
    parameters = parse_folder(tmp_path).parameters
    assert parameters.confidence == "estimated"
    assert "PyTorch files" in parameters.reason


def test_a_pickle_that_runs_code_is_only_read(tmp_path: Path) -> None:
    write_pytorch(write_model(tmp_path), {"evil": Runs(), **state_dict({"a.weight": ("Half", (10, 10))})})
    assert parse_folder(tmp_path).parameters.total == 100


def test_little_is_read_of_a_large_file(tmp_path: Path) -> None:
    path = write_pytorch(write_model(tmp_path), state_dict(SHAPES))
    assert path.stat().st_size < MOST_READ
    nested: dict[str, Any] = {"x": 1}
    for _ in range(30):  # a few bytes that would be a billion entries when written out
        nested = {"a": nested, "b": nested}
    write_pytorch(path, nested)
    assert parse_folder(tmp_path).parameters.confidence == "estimated"


KINDS = st.sampled_from(sorted(SIZES))
STATES = st.dictionaries(
    st.text(min_size=1, max_size=30),
    st.tuples(KINDS, st.lists(st.integers(1, 50), max_size=4)),
    min_size=1,
    max_size=8,
)


@settings(max_examples=60, deadline=None)
@given(STATES, st.integers(2, 5), st.booleans())
def test_any_state_dict_that_python_writes_is_read(
    shapes: dict[str, tuple[str, list[int]]], protocol: int, is_wrapped: bool
) -> None:
    state: Any = OrderedDict(state_dict(shapes))
    with tempfile.TemporaryDirectory() as folder:
        path = write_pytorch(write_model(Path(folder)), {"model": state} if is_wrapped else state, protocol)
        tensors = pickled_tensors(ModelFiles(describe_folder(Path(folder)), FolderReader()), (path.name,))
    assert tensors is not None
    found = {tensor.name.removeprefix("model."): tensor.shape for tensor in tensors}
    assert found == {name.removeprefix("model."): tuple(shape) for name, (_, shape) in shapes.items()}


@settings(max_examples=100, deadline=None)
@given(STATES, st.integers(0, 400), st.binary(max_size=8))
def test_a_damaged_pickle_gives_facts_or_an_error(
    shapes: dict[str, tuple[str, list[int]]], place: int, put: bytes
) -> None:
    content = bytearray(b"".join(pickle.dumps(part, protocol=2) for part in (1, 2, 3)) + state_dict_pickle(
        state_dict(shapes)))  # fmt: skip
    content[place : place + len(put)] = put
    facts_or_error({"config.json": json.dumps(LLAMA).encode(), "pytorch_model.bin": bytes(content)})
