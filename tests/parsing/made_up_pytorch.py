"""Writes PyTorch files as `torch.save` does, without PyTorch: Python's pickler with stand-ins for torch's names."""

import io
import pickle
import struct
import sys
import zipfile
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import prod
from pathlib import Path
from types import ModuleType
from typing import Any

SIZES = {"Float": 4, "Half": 2, "BFloat16": 2, "Byte": 1, "Long": 8, "Int": 4, "Bool": 1}


class Storage:
    """What tensors share: its class in torch, its key, and its length."""

    def __init__(self, kind: str, key: str, values: int) -> None:
        self.kind, self.key, self.values = kind, key, values


class Tensor:
    """A tensor, or a parameter, that pickles like one of torch's."""

    def __init__(self, storage: Storage, shape: Sequence[int], offset: int = 0, *, is_parameter: bool = False) -> None:
        self.storage, self.shape, self.offset, self.is_parameter = storage, tuple(shape), offset, is_parameter

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        torch_utils = sys.modules["torch._utils"]
        strides = tuple(prod(self.shape[axis + 1 :]) for axis in range(len(self.shape)))
        plain: tuple[Any, ...] = (self.storage, self.offset, self.shape, strides, False, OrderedDict())
        if not self.is_parameter:
            return torch_utils._rebuild_tensor_v2, plain
        return torch_utils._rebuild_parameter, (Tensor(self.storage, self.shape, self.offset), True, OrderedDict())


def _function(name: str) -> Any:
    def stand_in(*_: Any) -> None:
        """Is never called."""

    stand_in.__module__, stand_in.__qualname__, stand_in.__name__ = "torch._utils", name, name
    return stand_in


@contextmanager
def _torch_names() -> Iterator[None]:
    """Modules named as torch's, so that the pickler writes their names."""
    made = {name: ModuleType(name) for name in ("torch", "torch._utils")}
    for name in ("_rebuild_tensor_v2", "_rebuild_parameter"):
        setattr(made["torch._utils"], name, _function(name))
    for kind in SIZES:
        setattr(made["torch"], f"{kind}Storage", type(f"{kind}Storage", (), {"__module__": "torch"}))
    kept = {name: sys.modules.get(name) for name in made}
    sys.modules.update(made)
    try:
        yield
    finally:
        for name, module in kept.items():
            del sys.modules[name]
            if module is not None:
                sys.modules[name] = module


class _Pickler(pickle.Pickler):
    def persistent_id(self, value: Any) -> Any:
        if not isinstance(value, Storage):
            return None
        kind = getattr(sys.modules["torch"], f"{value.kind}Storage")
        return ("storage", kind, value.key, "cpu", value.values)


def state_dict_pickle(state: Any, protocol: int = 2) -> bytes:
    """The pickle of a state dict, or of whatever holds some."""
    with _torch_names():
        content = io.BytesIO()
        _Pickler(content, protocol).dump(state)
        return content.getvalue()


def state_dict(shapes: Mapping[str, tuple[str, Sequence[int]]]) -> "OrderedDict[str, Tensor]":
    """A tensor with a storage of its own for each name."""
    made: OrderedDict[str, Tensor] = OrderedDict()
    for key, (name, (kind, shape)) in enumerate(shapes.items()):
        made[name] = Tensor(Storage(kind, str(key), prod(shape)), shape)
    return made


def write_pytorch(path: Path, state: Any, protocol: int = 2) -> Path:
    """A file as PyTorch since 1.6 writes it, without the data of the storages."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(f"{path.stem}/data.pkl", state_dict_pickle(state, protocol))
        archive.writestr(f"{path.stem}/byteorder", "little")
        for key in range(200):
            archive.writestr(f"{path.stem}/data/{key}", b"\0" * 64)
        archive.writestr(f"{path.stem}/version", "3\n")
    return path


def write_old_pytorch(path: Path, state: Any) -> Path:
    """A file as PyTorch before 1.6 writes it: pickles one after another, and data that is none."""
    head = [0x1950A86A20F9469CFC6C, 1001, {"protocol_version": 1001, "little_endian": True, "type_sizes": {"int": 4}}]
    content = b"".join(pickle.dumps(part, protocol=2) for part in head) + state_dict_pickle(state)
    path.write_bytes(content + pickle.dumps(["0", "1"], protocol=2) + struct.pack("<Q", 100) + b"\xff" * 400)
    return path
