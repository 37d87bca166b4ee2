"""Counts weight files that no language model's configuration explains: of adapters and of diffusion pipelines."""

from typing import NamedTuple

from steps.facts import ParameterCount
from steps.parse.packed import Packing
from steps.parse.pytorch import pickled_tensors
from steps.parse.ranges import ModelFiles
from steps.parse.safetensors import Tensor
from steps.parse.shards import read_tensors
from steps.parse.tensors import count_tensors


class PlainCount(NamedTuple):
    """Parameters, the dominant type of the tensors, and the bytes of all."""

    parameters: ParameterCount
    dtype: str
    bytes: int


def count_files(files: ModelFiles, paths: tuple[str, ...]) -> PlainCount:
    """Count by the headers of safetensors and PyTorch files, else by sizes at 16 bits a value.

    Raises:
        InvalidInputError: names a file whose header is broken.
        OmeError: of the source, when a file cannot be read.
    """
    tensors: tuple[Tensor, ...] | None
    if all(path.endswith(".safetensors") for path in paths):
        tensors, source = read_tensors(files, paths, None).tensors if paths else (), "safetensors headers"
    else:
        tensors, source = pickled_tensors(files, paths), "PyTorch pickles"
    if tensors is None:
        return _by_size(sum(files.entry(path).size for path in paths))
    count = count_tensors(tensors, Packing())
    parameters = ParameterCount(
        total=count.total,
        active=count.total,
        confidence="estimated" if count.reason else "exact",
        source=source,
        reason=count.reason,
    )
    return PlainCount(parameters, count.dtype, count.bytes)


def _by_size(size: int) -> PlainCount:
    guess = ParameterCount(
        total=size // 2,
        active=size // 2,
        confidence="estimated",
        source="file sizes",
        reason="no header tells the tensors; 16 bits a value are assumed",
    )
    return PlainCount(guess, "", size)
