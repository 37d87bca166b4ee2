"""Chooses how a model's parameters are counted: tensor headers, else file sizes, else the formula; and says which."""

from collections import Counter
from dataclasses import dataclass
from typing import Final

from steps.errors import InvalidInputError
from steps.facts import ParameterCount, Quantization
from steps.parse.config import Config
from steps.parse.foresee import Outline
from steps.parse.formula import FormulaCount, count_from_config, is_tied, vocabulary_size
from steps.parse.layers import experts_of, experts_per_token_of, layer_plan
from steps.parse.layout import Layout
from steps.parse.onnx import graph_weights
from steps.parse.packed import FLOATS, Packing
from steps.parse.pytorch import pickled_tensors
from steps.parse.quantization import group_sizes_of
from steps.parse.ranges import ModelFiles
from steps.parse.shards import WeightTensors, read_tensors
from steps.parse.strict_json import load_object
from steps.parse.tensors import count_tensors, experts_in

_BYTES: Final = {"float64": 8, "float32": 4, "bfloat16": 2, "float16": 2, "int8": 1}
MOST_PARAMETERS: Final = 10**15
DRAFTS: Final = ("num_nextn_predict_layers", "mtp_num_hidden_layers", "num_mtp_layers")


@dataclass(frozen=True)
class Counted:
    """A count, the bytes of all tensors, their dominant dtype, and what was odd."""

    parameters: ParameterCount
    bytes: int
    dtype: str = ""
    warnings: tuple[str, ...] = ()


def count_parameters(
    files: ModelFiles, layout: Layout, root: Config, text: Config, quantization: Quantization | None
) -> Counted:
    """Count a transformers model's parameters by the best that its files offer.

    Raises:
        InvalidInputError: names a weight file whose header is broken.
        OmeError: of the source, when a file cannot be read.
    """
    size = sum(files.entry(path).size for path in layout.weights)
    why = "no tensor header could be read"
    if layout.weights and (found := _read(files, layout, text)) is not None:
        counted = _from_tensors(found, layout, root, text, quantization)
        if counted.parameters.total:
            return counted
    if layout.format == "onnx":
        try:
            return _from_graphs(files, layout, text)
        except ValueError as error:
            why = f"{layout.weights[0]}: {error}"
    if layout.format == "tensorrt-llm":
        why = f"{layout.weights[0]} is not opened: a rank has parts of the model's tensors"
    formula = count_from_config(root)
    if formula.total > MOST_PARAMETERS:
        raise InvalidInputError(
            f"{root.where}: describes {formula.total:.3g} parameters, which no model has",
            remedy="Check hidden_size, num_hidden_layers, intermediate_size, vocab_size and the numbers of experts.",
        )
    if layout.format == "pytorch":
        return _from_bytes(files, layout, text, formula, size)
    return _from_formula(formula, size, why)


def _read(files: ModelFiles, layout: Layout, text: Config) -> WeightTensors | None:
    """The tensors that the weight files describe; None for formats and files that describe none."""
    if layout.format == "safetensors":
        plan = layer_plan(text)
        outline = Outline(plan, min(text.integer(*DRAFTS), 16), experts_of(text)) if plan else None
        return read_tensors(files, layout.weights, outline)
    if layout.format == "pytorch" and (tensors := pickled_tensors(files, layout.weights)):
        count = len(layout.weights)
        return WeightTensors(tensors, sum(tensor.bytes for tensor in tensors), count, count, "PyTorch pickles")
    return None


def _from_tensors(
    found: WeightTensors, layout: Layout, root: Config, text: Config, quantization: Quantization | None
) -> Counted:
    packing = Packing(
        bits=quantization.bits if quantization is not None else 0.0,
        method=quantization.method if quantization is not None else "",
        group_size=quantization.group_size if quantization is not None else 0,
        group_sizes=group_sizes_of(root),
        vocabulary=vocabulary_size(text),
        experts=experts_of(text) or experts_in(found.tensors),
        experts_per_token=experts_per_token_of(text),
        layers=len(layer_plan(text)),
        is_tied=text.has("tie_word_embeddings") and is_tied(text, root),
    )
    count = count_tensors(found.tensors, packing)
    parameters = ParameterCount(
        total=count.total,
        active=count.active,
        embedding=count.embedding,
        confidence="estimated" if count.reason else "exact",
        source=found.source,
        reason=count.reason,
    )
    warnings = () if count.total else (f"{layout.weights[0]}: holds no parameters.",)
    return Counted(parameters, found.data_bytes, count.dtype, warnings)


def _from_graphs(files: ModelFiles, layout: Layout, text: Config) -> Counted:
    """Parameters of ONNX graphs.

    Raises:
        ValueError: in a clause, when a graph cannot be followed or has no weights.
    """
    weights = graph_weights(files, tuple(path for path in layout.weights if path.endswith(".onnx")))
    total = sum(weight.values for weight in weights)
    if not total:
        raise ValueError("has no initializers that hold weights")
    vocabulary, experts, used = vocabulary_size(text), experts_of(text), experts_per_token_of(text)
    routed = sum(weight.values for weight in weights if weight.is_routed)
    idle = routed - routed * used // experts if 0 < used <= experts else 0
    dtypes: Counter[str] = Counter()
    for weight in weights:
        dtypes[FLOATS.get(weight.dtype, "")] += weight.values
    parameters = ParameterCount(
        total=total,
        active=total - idle,
        embedding=sum(w.values for w in weights if len(w.shape) == 2 and vocabulary and w.shape[0] == vocabulary),
        source="ONNX initializers",
    )
    data = sum(weight.bytes for weight in weights)
    return Counted(parameters, data, next((name for name, _ in dtypes.most_common() if name), ""))


def _from_formula(formula: FormulaCount, size: int, why: str) -> Counted:
    reason = f"counted by a formula over the configuration, because {why}"
    if formula.missing:
        reason += f"; the configuration does not tell {formula.missing}"
    parameters = ParameterCount(
        total=formula.total,
        active=formula.active,
        embedding=formula.embedding,
        confidence="estimated",
        source="config formula",
        reason=reason,
    )
    return Counted(parameters, size)


def _from_bytes(files: ModelFiles, layout: Layout, text: Config, formula: FormulaCount, size: int) -> Counted:
    """Parameters from the bytes of PyTorch files: the index's `total_size`, else the files' own sizes."""
    stated = _index_size(files, layout)
    data = stated or size
    dtype = text.text("dtype", "torch_dtype").removeprefix("torch.")
    width = _BYTES.get(dtype)
    if width is None and not formula.missing:
        return _from_formula(formula, data, "the tensors of PyTorch files cannot be told")
    total = data // (width or 2)
    # An index counts tensors that share memory once; the formula's share tells which experts are active.
    share = formula.active / formula.total if formula.total else 1.0
    parameters = ParameterCount(
        total=total,
        active=round(total * share),
        embedding=min(formula.embedding, total),
        confidence="estimated",
        source="PyTorch index" if stated else "file sizes",
        reason=f"bytes divided by the size of {dtype or '16 bit'} values; the tensors of PyTorch files cannot be told",
    )
    return Counted(parameters, data, dtype)


def _index_size(files: ModelFiles, layout: Layout) -> int:
    path = f"{layout.folder}pytorch_model.bin.index.json"
    if path not in files:
        return 0
    try:
        index = Config(load_object(files.whole(path) or b"", path), path)
    except InvalidInputError:
        return 0
    metadata = index.section("metadata")
    return metadata.integer("total_size") if metadata is not None else 0
