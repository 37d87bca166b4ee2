"""The tensors of PyTorch files, by the pickle that describes them: its opcodes are followed, nothing is loaded or run.

Called by `steps.parse.count` and `steps.parse.plain_count`. Since 1.6 PyTorch writes a zip archive with a pickle
`…/data.pkl` and a member for each storage; before that, pickles one after another and then the data. A state dict's
pickle holds calls of `torch._utils._rebuild_tensor_v2` with a storage and a shape, which are all that is kept here.
"""

import io
import pickletools
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from math import prod
from typing import Any, BinaryIO, Final, cast

from steps.parse.ranges import ModelFiles, RangeFile
from steps.parse.safetensors import DTYPE_BITS, MAX_DIMENSIONS, Tensor

MOST_READ: Final = 4 << 20
MOST_OPCODES: Final = 500_000
MOST_TENSORS: Final = 300_000
_FIRST_READ: Final = 256 << 10
_DEEPEST: Final = 4
_LEGACY_HEAD: Final = 3
"""Pickles before the state dict in the old format: magic number, protocol, machine."""
_THREADS: Final = 4
_DAMAGE: Final = (
    AttributeError, LookupError, OverflowError, TypeError, ValueError,  # operands of other kinds than a state dict's
    EOFError, struct.error, zipfile.BadZipFile, zlib.error,  # the archive ends early, or is none
)  # fmt: skip
_SCRAMBLED: Final = 0x61
"""Flags of a member of a ZIP archive that is encrypted, is a patch, or is strongly encrypted (APPNOTE.TXT 4.4.4)."""
_DTYPES: Final = {
    "double": "F64", "float64": "F64", "float": "F32", "float32": "F32", "half": "F16", "float16": "F16",
    "bfloat16": "BF16", "long": "I64", "int64": "I64", "int": "I32", "int32": "I32", "short": "I16", "int16": "I16",
    "char": "I8", "int8": "I8", "byte": "U8", "uint8": "U8", "bool": "BOOL", "float8_e4m3fn": "F8_E4M3",
    "float8_e5m2": "F8_E5M2", "float8_e8m0fnu": "F8_E8M0", "complexfloat": "C64", "uint16": "U16", "uint32": "U32",
    "qint8": "I8", "quint8": "U8",
}  # fmt: skip


def pickled_tensors(files: ModelFiles, paths: tuple[str, ...]) -> tuple[Tensor, ...] | None:
    """The tensors of the PyTorch files at `paths`, those that share memory once; None when one cannot be followed.

    Raises:
        OmeError: of the source, when a file cannot be read.
    """
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="pickles") as threads:
        parts = list(threads.map(lambda path: _tensors_of(files, path), paths))
    found: dict[str, Tensor] = {}
    for part, path in zip(parts, paths, strict=True):
        if part is None or len(found) + len(part) > MOST_TENSORS:
            return None
        for tensor in part:  # ranks of one model call their parts alike
            found[tensor.name if tensor.name not in found else f"{path}:{tensor.name}"] = tensor
    return tuple(found.values()) or None


def _tensors_of(files: ModelFiles, path: str) -> list[Tensor] | None:
    stream = RangeFile(files, path, limit=MOST_READ)
    try:
        return _tensors_in(_unpickled(cast(BinaryIO, stream)))
    except _DAMAGE:
        return None


def _tensors_in(top: object) -> list[Tensor]:
    found: dict[object, Tensor] = {}
    for name, tensor in _named(top, "", _DEEPEST, set()):
        found.setdefault((tensor.storage, tensor.offset, tensor.shape), Tensor(name, *tensor.described))
    return list(found.values())


@dataclass(frozen=True)
class _Global:
    name: str


@dataclass(frozen=True)
class _Storage:
    key: object
    dtype: str


@dataclass(frozen=True)
class _Rebuilt:
    storage: object
    offset: object
    shape: tuple[int, ...]
    dtype: str

    @property
    def described(self) -> tuple[str, tuple[int, ...], int]:
        return self.dtype, self.shape, prod(self.shape) * DTYPE_BITS[self.dtype] // 8


def _named(value: object, before: str, depth: int, seen: set[int]) -> Iterator[tuple[str, _Rebuilt]]:
    """The tensors of a state dict, also of one inside another (`{"state_dict": …}`), by their names."""
    if isinstance(value, _Rebuilt):
        yield before, value
    elif isinstance(value, dict) and depth and id(value) not in seen:
        seen.add(id(value))
        for key, inner in value.items():
            if isinstance(key, str):
                yield from _named(inner, f"{before}.{key[:500]}" if before else key[:500], depth - 1, seen)


def _unpickled(stream: BinaryIO) -> object:
    """What the file's pickle describes.

    Raises:
        ValueError and others of `_DAMAGE`: when it is damaged, or holds what no state dict does.
    """
    if stream.read(4) != b"PK\x03\x04":
        return _old_state_dict(stream)
    with _opened(stream) as archive:
        name = min((n for n in archive.namelist() if n.rpartition("/")[2] == "data.pkl"), key=len)
        info = archive.getinfo(name)
        if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & _SCRAMBLED or info.file_size > MOST_READ:
            raise ValueError("data.pkl is compressed, encrypted or too large")
        with archive.open(info) as member:
            return _Machine().run(io.BytesIO(member.read(MOST_READ)))


def _opened(stream: BinaryIO) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(stream)
    except RuntimeError as error:  # it asks for a newer version of the format than zipfile knows
        raise ValueError(str(error)) from None


def _old_state_dict(stream: BinaryIO) -> object:
    """The state dict of the old format, which does not say how long it is: little is read, and more when it ends."""
    for size in (_FIRST_READ, MOST_READ - 2 * _FIRST_READ):
        stream.seek(0)
        content = io.BytesIO(stream.read(size))
        try:
            for _ in range(_LEGACY_HEAD):
                _Machine().run(content)
            return _Machine().run(content)
        except _DAMAGE:
            if len(content.getvalue()) < size or size > _FIRST_READ:
                raise
    raise ValueError("ends in the middle")


@dataclass
class _Machine:
    """Follows a pickle with the values that state dicts have; any other global's result is None."""

    stack: list[Any] = field(default_factory=list)
    marks: list[list[Any]] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)

    def run(self, stream: BinaryIO) -> object:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
            if count > MOST_OPCODES:
                raise ValueError("has more opcodes than a state dict")
            if opcode.name == "STOP":
                return self.stack.pop()
            _OPCODES[opcode.name](self, argument)
        raise ValueError("ends in the middle")

    def to_mark(self) -> list[Any]:
        items, self.stack = self.stack, self.marks.pop()
        return items

    def mark(self, _: Any) -> None:
        self.marks.append(self.stack)
        self.stack = []

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def put(self, index: Any) -> None:
        self.memo[len(self.memo) if index is None else int(index)] = self.stack[-1]

    def get(self, index: Any) -> None:
        self.stack.append(self.memo[int(index)])

    def tuple_of(self, count: int) -> None:
        items = tuple(self.stack[-count:])
        if len(items) != count:
            raise ValueError("takes values from an empty stack")
        self.stack[-count:] = [items]

    def set_items(self, items: list[Any]) -> None:
        if isinstance(self.stack[-1], dict):
            for key, value in zip(items[::2], items[1::2], strict=True):
                if isinstance(key, (str, int)):
                    self.stack[-1][key] = value

    def named(self, argument: Any) -> None:
        self.stack.append(_Global(str(argument).replace(" ", ".")))

    def stack_named(self, _: Any) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        self.stack.append(_Global(f"{module}.{name}" if isinstance(module, str) and isinstance(name, str) else ""))

    def persistent(self, _: Any) -> None:
        """A storage: ("storage", its class, its key, the device, how many values)."""
        reference = self.stack.pop()
        kind = reference[1] if isinstance(reference, tuple) and len(reference) > 2 else None
        name = kind.name.rpartition(".")[2].removesuffix("Storage").lower() if isinstance(kind, _Global) else ""
        key = reference[2] if name and isinstance(reference[2], (str, int)) else None
        self.stack.append(_Storage(key, _DTYPES.get(name, "U8")) if key is not None else None)

    def call(self, _: Any) -> None:
        arguments, function = self.stack.pop(), self.stack.pop()
        name = function.name if isinstance(function, _Global) else ""
        self.stack.append(_result(name, arguments if isinstance(arguments, tuple) else ()))

    def build(self, _: Any) -> None:
        self.stack.pop()


def _result(name: str, arguments: tuple[Any, ...]) -> object:
    if name == "collections.OrderedDict":
        return {}
    function = name.rpartition(".")[2]
    if function in ("_rebuild_parameter", "_rebuild_parameter_with_state", "_rebuild_from_type_v2"):
        inner = arguments[2] if function.endswith("v2") and len(arguments) > 2 else arguments[0]
        return _rebuilt(inner) if isinstance(inner, tuple) else inner
    return _rebuilt(arguments) if function.startswith("_rebuild_tensor") else None


def _rebuilt(arguments: tuple[Any, ...]) -> _Rebuilt | None:
    """The tensor of `_rebuild_tensor…(storage, offset, size, stride, …)`; version 3 names its type last but one."""
    if len(arguments) < 3 or not isinstance(arguments[0], _Storage) or not isinstance(arguments[2], tuple):
        return None
    storage, offset, shape = arguments[:3]
    if len(shape) > MAX_DIMENSIONS or not all(type(size) is int and 0 <= size < 1 << 48 for size in shape):
        raise ValueError("has an impossible shape")
    if prod(shape) >= 1 << 63:
        raise ValueError("has an impossible shape")
    named = (
        a.name.rpartition(".")[2] for a in arguments[3:] if isinstance(a, _Global) and a.name.startswith("torch.")
    )
    dtype = next((known for name in named if (known := _DTYPES.get(name))), storage.dtype)
    return _Rebuilt(storage.key, offset if isinstance(offset, int) else 0, shape, dtype)


def _append(machine: _Machine, items: list[Any]) -> None:
    if isinstance(machine.stack[-1], list):
        machine.stack[-1].extend(items)


_Opcode = Callable[[_Machine, Any], None]
_OPCODES: Final[dict[str, _Opcode]] = {
    **dict.fromkeys(("PROTO", "FRAME"), lambda machine, _: None),
    **dict.fromkeys(
        ("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "STRING", "BINSTRING", "SHORT_BINSTRING",
         "UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "FLOAT", "BINFLOAT"), _Machine.push),
    **dict.fromkeys(("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8", "NONE"), lambda m, _: m.push(None)),
    "NEWTRUE": lambda m, _: m.push(True),
    "NEWFALSE": lambda m, _: m.push(False),
    "MARK": _Machine.mark,
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), _Machine.put),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _Machine.get),
    "POP": lambda m, _: m.build(None),
    "EMPTY_TUPLE": lambda m, _: m.push(()),
    "EMPTY_LIST": lambda m, _: m.push([]),
    "EMPTY_DICT": lambda m, _: m.push({}),
    "EMPTY_SET": lambda m, _: m.push(None),
    "TUPLE": lambda m, _: m.push(tuple(m.to_mark())),
    "LIST": lambda m, _: m.push(m.to_mark()),
    "DICT": lambda m, _: _pushed_dict(m),
    "TUPLE1": lambda m, _: m.tuple_of(1),
    "TUPLE2": lambda m, _: m.tuple_of(2),
    "TUPLE3": lambda m, _: m.tuple_of(3),
    "APPEND": lambda m, _: _append(m, [m.stack.pop()]),
    "APPENDS": lambda m, _: _append(m, m.to_mark()),
    "ADDITEMS": lambda m, _: _dropped(m.to_mark()),
    "SETITEM": lambda m, _: _set_one(m),
    "SETITEMS": lambda m, _: m.set_items(m.to_mark()),
    "GLOBAL": _Machine.named,
    "STACK_GLOBAL": _Machine.stack_named,
    "REDUCE": _Machine.call,
    "NEWOBJ": _Machine.call,
    "BUILD": _Machine.build,
    "BINPERSID": _Machine.persistent,
}  # fmt: skip
"""An opcode that is missing here ends the reading: state dicts have none."""


def _pushed_dict(machine: _Machine) -> None:
    items = machine.to_mark()
    machine.push({})
    machine.set_items(items)


def _set_one(machine: _Machine) -> None:
    value, key = machine.stack.pop(), machine.stack.pop()
    machine.set_items([key, value])


def _dropped(_: list[Any]) -> None:
    """Items of a set: no tensor is in one."""
