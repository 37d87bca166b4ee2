"""ONNX: initializers inside and outside the graph, packed ones as operators say, held against onnx's own reader."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from steps.parse.onnx import graph_weights
from steps.parse.ranges import ModelFiles
from tests.parsing.made_up_files import FolderReader, describe_folder, parse_folder, write_config
from tests.parsing.public_models import MODELS
from tests.parsing.test_hostile_files_give_facts_or_clear_errors import CONFIG, Memory, facts_or_error

LLAMA = MODELS[0].config


def initializer(name: str, shape: tuple[int, ...], kind: str = "float32") -> TensorProto:
    return numpy_helper.from_array(np.zeros(shape, kind), name)


def graph(initializers: list[TensorProto], nodes: list[Any] | None = None) -> Any:
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    return helper.make_graph(nodes or [helper.make_node("Identity", ["x"], ["y"])], "main", [], [output], initializers)


def write(path: Path, initializers: list[TensorProto], nodes: list[Any] | None = None, **how: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(helper.make_model(graph(initializers, nodes)), path, **how)
    return path


PLAIN = [initializer("model.embed_tokens.weight", (128256, 8)), initializer("onnx::MatMul_12", (64, 300), "float16"),
         initializer("scale", ()), initializer("shape", (4,), "int64"),
         initializer("mask", (2000, 20), "bool")]  # fmt: skip
TOTAL = 128256 * 8 + 64 * 300


@pytest.mark.parametrize("is_outside", [False, True])
def test_initializers_are_counted_wherever_their_data_is(is_outside: bool, tmp_path: Path) -> None:
    write_config(tmp_path, LLAMA)
    how: dict[str, Any] = {"save_as_external_data": True, "location": "model.onnx_data"} if is_outside else {}
    write(tmp_path / "model.onnx", PLAIN, **how)
    facts = parse_folder(tmp_path)
    assert (facts.format, facts.dtype) == ("onnx", "float32")
    assert (facts.parameters.total, facts.parameters.embedding) == (TOTAL, 128256 * 8)
    assert (facts.parameters.confidence, facts.parameters.source) == ("exact", "ONNX initializers")
    assert facts.weight_files == (("model.onnx", "model.onnx_data") if is_outside else ("model.onnx",))
    assert facts.bytes_on_disk == sum(path.stat().st_size for path in tmp_path.glob("model.onnx*"))
    assert facts.bytes_in_memory == 4 * 128256 * 8 + 2 * 64 * 300 + 4 + 32 + 40_000


def test_data_inside_the_graph_is_skipped(tmp_path: Path) -> None:
    write_config(tmp_path, LLAMA)
    write(tmp_path / "model.onnx", [initializer(f"w{i}", (1000, 500)) for i in range(8)])
    files = ModelFiles(describe_folder(tmp_path), FolderReader())
    assert sum(weight.values for weight in graph_weights(files, ("model.onnx",))) == 8 * 500_000
    assert files.bytes_read < 500_000 < (tmp_path / "model.onnx").stat().st_size // 30


def test_packed_weights_count_as_what_the_operators_unpack(tmp_path: Path) -> None:
    write_config(tmp_path, {**LLAMA, "num_local_experts": 4, "num_experts_per_tok": 1})
    nodes = [
        helper.make_node("MatMulNBits", ["x", "q", "q_scales", "q_zp"], ["a"], K=250, N=64, bits=4, block_size=32),
        helper.make_node("DequantizeLinear", ["w", "w_scale", "w_zp"], ["b"]),
        helper.make_node("GatherBlockQuantized", ["table", "x", "table_scales"], ["c"], bits=4, block_size=32),
        helper.make_node(
            "QMoE", ["x", "r", "up", "up_s", "up_b", "down", "down_s", "down_b"], ["d"], expert_weight_bits=4
        ),  # fmt: skip
    ]
    inner = graph([], [helper.make_node("MatMulNBits", ["x", "i", "i_scales"], ["y"], K=64, N=64, bits=8)])
    nodes.append(helper.make_node("If", ["x"], ["y"], then_branch=inner, else_branch=graph([])))
    write(tmp_path / "model.onnx", [
        initializer("q", (64, 8, 16), "uint8"), initializer("q_scales", (64, 8)),
        initializer("q_zp", (64, 4), "uint8"),
        initializer("w", (30, 30), "int8"), initializer("w_scale", (30,)), initializer("w_zp", (30,), "int8"),
        initializer("table", (100, 32), "uint8"), initializer("table_scales", (100, 2)),
        initializer("up", (4, 64, 32), "uint8"), initializer("up_s", (4, 64)), initializer("up_b", (4, 64)),
        initializer("down", (4, 64, 32), "uint8"), initializer("down_s", (4, 64)), initializer("down_b", (4, 64)),
        initializer("i", (64, 2, 32), "uint8"), initializer("i_scales", (64, 2)),
    ], nodes)  # fmt: skip
    counted = parse_folder(tmp_path).parameters
    experts = 2 * 4 * 64 * 64
    plain = 250 * 64 + 900 + 6400 + 2 * 256 + 4096
    assert (counted.total, counted.active) == (plain + experts, plain + experts // 4)


def test_one_of_many_graphs_is_counted(tmp_path: Path) -> None:
    write_config(tmp_path, LLAMA)
    for name in ("model", "model_fp16", "model_q4", "decoder_model"):
        write(tmp_path / "onnx" / f"{name}.onnx", [initializer("w", (10, 10))])
    facts = parse_folder(tmp_path)
    assert (facts.parameters.total, facts.weight_files) == (100, ("onnx/model.onnx",))
    assert any("onnx/model_q4.onnx" in warning for warning in facts.warnings)
    (tmp_path / "onnx" / "model.onnx").unlink()
    write(tmp_path / "onnx" / "encoder_model.onnx", [initializer("w", (5, 5))])
    facts = parse_folder(tmp_path)
    assert facts.weight_files == ("onnx/encoder_model.onnx", "onnx/decoder_model.onnx")
    assert facts.parameters.total == 125


@pytest.mark.parametrize(
    "content", [b"", b"\x08\x08", b"\x3a\xff\xff\xff\xff\x0f", b"\x3a\x04\x2a\x02\x08", b"\xff" * 40]
)
def test_a_damaged_graph_is_estimated_and_named(content: bytes, tmp_path: Path) -> None:
    write_config(tmp_path, LLAMA)
    (tmp_path / "model.onnx").write_bytes(content)
    counted = parse_folder(tmp_path).parameters
    assert (counted.total, counted.confidence) == (MODELS[0].total, "estimated")
    assert "model.onnx" in counted.reason


KINDS = st.sampled_from(["float32", "float16", "float64"])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.lists(st.integers(0, 40), max_size=4), KINDS), min_size=1, max_size=12))
def test_onnxs_own_reader_finds_the_same(shapes: list[tuple[list[int], str]]) -> None:
    made = [initializer(f"w{i}", tuple(shape), kind) for i, (shape, kind) in enumerate(shapes)]
    content = helper.make_model(graph(made)).SerializeToString()
    theirs = {t.name: numpy_helper.to_array(t) for t in onnx.load_model_from_string(content).graph.initializer}
    ours = graph_weights(_in_memory(content), ("model.onnx",))
    assert {(w.name, w.shape, w.bytes) for w in ours} == {
        (n, a.shape, a.nbytes) for n, a in theirs.items() if a.nbytes
    }


def _in_memory(content: bytes) -> ModelFiles:

    source = Memory({"model.onnx": content})
    return ModelFiles(source.manifest, source)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 600), st.binary(max_size=6), st.binary(max_size=80))
def test_a_changed_graph_gives_facts_or_an_error(place: int, put: bytes, whole: bytes) -> None:
    content = bytearray(helper.make_model(graph(PLAIN[1:4])).SerializeToString()[:700])
    content[place : place + len(put)] = put
    facts_or_error({"config.json": CONFIG, "model.onnx": bytes(content)})
    facts_or_error({"config.json": CONFIG, "model.onnx": whole})
