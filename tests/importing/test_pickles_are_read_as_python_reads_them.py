"""What Python's own unpickler would import is found without unpickling, whatever bytes it is given."""

import io
import pickle
from collections import OrderedDict
from decimal import Decimal
from fractions import Fraction
from pathlib import PurePosixPath
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from steps.cache.pickle_reading import UNKNOWN, GlobalName, Pickles, read_pickles


class Harmless:
    """Stands for whatever a pickle imports: it can be called, and takes any state."""

    def __new__(cls, *_: object, **__: object) -> "Harmless":
        """Take anything."""
        return super().__new__(cls)

    def take(self, *_: object, **__: object) -> None:
        """Take anything."""

    __init__ = __setstate__ = __setitem__ = append = extend = add = update = take


def imported_by(unpickler: Any, content: bytes) -> set[GlobalName]:
    """What an unpickler asks for before it ends, well or badly; nothing is imported."""
    asked: set[GlobalName] = set()

    class Spy(unpickler):  # type: ignore[misc]  # both of Python's
        def find_class(self, module: str, name: str) -> object:
            asked.add(GlobalName(module, name))
            return Harmless

        def persistent_load(self, _: object) -> None:
            return None

    try:
        Spy(io.BytesIO(content)).load()
    except Exception:  # noqa: BLE001 - whatever a made-up pickle ends with
        return asked
    return asked


def read(content: bytes) -> Pickles:
    return read_pickles(io.BytesIO(content))


VALUES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.binary(max_size=20),
        st.decimals().map(Decimal), st.fractions(), st.complex_numbers(), st.dates(), st.just(PurePosixPath("a/b")),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=5), inner, max_size=4).map(OrderedDict),
        st.tuples(inner, inner), st.frozensets(st.fractions(), max_size=3),
    ),
    max_leaves=12,
)  # fmt: skip


@given(value=VALUES, protocol=st.integers(0, 5))
def test_of_whole_pickles_exactly_what_is_imported_is_found(value: object, protocol: int) -> None:
    content = pickle.dumps(value, protocol)
    found = read(content)
    assert (set(found.globals), found.count, found.problem) == (imported_by(pickle.Unpickler, content), 1, "")


PIECES = [
    b"\x80\x02", b"\x80\x04", b"\x8c\x02os", b"\x8c\x06system", b"X\x02\0\0\0os", b"U\x02os",
    b"T\x02\0\0\0os", b"Vos\n", b"S'os'\n", b"S'x' \n", b"S\"os\"\n", b"S'\\x6fs'\n", b"\x93", b"\x94",
    b"q\0", b"h\0", b"q\1", b"h\1", b"(", b"t", b"1", b"0", b"2", b"cposix\nsystem\n", b"iposix\nsystem\n",
    b"N", b"]", b"a", b"e", b"}", b"s", b"u", b"d", b"l", b")", b"\x85", b"\x86", b"\x87", b"R", b"\x81",
    b"\x92", b"b", b"o", b"Q", b"Pid\n", b"K\x07", b"I01\n", b"I 7\n", b"L7L\n", b"F1.5\n",
    b"G\0\0\0\0\0\0\0\0", b"\x8a\x01\x07", b"B\x02\0\0\0os", b"C\x02os", b"\x8f", b"\x90", b"\x91", b"\x88",
    b"\x8d\x02\0\0\0\0\0\0\0os", b"\x95\x02\0\0\0\0\0\0\0", b".", b"\xff",
]  # fmt: skip


@settings(max_examples=600)
@given(pieces=st.lists(st.sampled_from(PIECES), max_size=16))
def test_of_any_opcodes_nothing_that_is_imported_is_missed(pieces: list[bytes]) -> None:
    content = b"".join(pieces)
    found = read(content)
    is_unknown = GlobalName(UNKNOWN, UNKNOWN) in found.globals
    for unpickler in (pickle.Unpickler, pickle._Unpickler):  # the second is written in Python
        assert found.problem or is_unknown or imported_by(unpickler, content) <= found.globals


@given(value=VALUES, data=st.data())
def test_a_pickle_cut_off_or_changed_is_never_read_with_less_than_python_reads(
    value: object, data: st.DataObject
) -> None:
    content = bytearray(pickle.dumps(Fraction(1, 3), 4)[:-1] + b"0" + pickle.dumps(value, 4)[2:])
    position = data.draw(st.integers(0, len(content) - 1))
    changed = bytes(content[:position]) + data.draw(st.sampled_from([b"", b"\x93", b"c", b"0", b"\x8c"]))
    changed += bytes(content[position + 1 :])
    if b"r" in changed or b"p" in changed or b"j" in changed:
        return  # they may ask Python for a memo of any size
    found = read(changed)
    is_unknown = GlobalName(UNKNOWN, UNKNOWN) in found.globals
    assert found.problem or is_unknown or imported_by(pickle.Unpickler, changed) <= found.globals
