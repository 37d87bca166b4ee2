"""Pickles for tests, made by hand: hostile ones that would leave a file behind, and checkpoints as of PyTorch."""

import collections
import io
import os
import pickle
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

MAGIC = 0x1950A86A20F9469CFC6C
"""How a checkpoint of PyTorch before 1.6 begins (torch/serialization.py, MAGIC_NUMBER)."""


class Call:
    """Pickles as a call of a function: unpickling it calls."""

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self._function, self._arguments = function, arguments

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self._function, self._arguments


def touching(proof: Path) -> Call:
    """A call that proves that it was made."""
    return Call(os.system, f"touch {proof}")


def global_of(module: str, name: str) -> bytes:
    """A pickle of protocol 4 that imports one global."""
    return (
        b"\x80\x04"
        + b"".join(b"X" + len(t).to_bytes(4, "little") + t for t in (module.encode(), name.encode()))
        + (b"\x93.")
    )


def state(count: int = 4) -> "collections.OrderedDict[str, object]":
    """Something like the state of a model."""
    return collections.OrderedDict((f"layer.{i}.weight", [float(i)] * 3) for i in range(count))


def tensor_pickle() -> bytes:
    """A `data.pkl` as `torch.save` writes it: persistent ids of storages and torch's rebuilding function, no torch."""
    lines = [b"\x80\x02ccollections\nOrderedDict\nq\x00)Rq\x01X\x06\x00\x00\x00weightq\x02"]
    lines.append(b"ctorch._utils\n_rebuild_tensor_v2\nq\x03((X\x07\x00\x00\x00storageq\x04ctorch\nFloatStorage\nq\x05")
    lines.append(b"X\x01\x00\x00\x000q\x06X\x03\x00\x00\x00cpuq\x07K\x02tq\x08QK\x00K\x02\x85q\tK\x01\x85q\n\x89")
    lines.append(b"h\x00)Rq\x0btq\x0cRq\rs.")
    return b"".join(lines)


def zipped(members: Mapping[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    """A zip of these members."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return content.getvalue()


def checkpoint(data: bytes | None = None, tensors: bytes = bytes(8)) -> bytes:
    """A checkpoint as `torch.save` writes it since PyTorch 1.6."""
    return zipped(
        {
            "archive/data.pkl": data if data is not None else tensor_pickle(),
            "archive/byteorder": b"little",
            "archive/data/0": tensors,
            "archive/version": b"3\n",
        }
    )


def old_checkpoint(data: bytes | None = None, tensors: bytes = bytes(range(256))) -> bytes:
    """A checkpoint as PyTorch wrote it before: five pickles, and tensors behind them."""
    head = [pickle.dumps(value, 2) for value in (MAGIC, 1001, {"little_endian": True})]
    return b"".join([*head, data if data is not None else tensor_pickle(), pickle.dumps(["0"], 2), tensors])
