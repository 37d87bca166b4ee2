"""The opcodes of pickles, as `pickletools` documents them, and the text of their lines. Pure.

Used by `steps.cache.pickle_reading`.
"""

import codecs
import pickletools
import struct
from typing import Final, NamedTuple

LONGEST_NAME: Final = 255
"""Bytes of text that can be a global's module or name; longer text is taken for unknown."""
LENGTHS: Final = {
    pickletools.TAKEN_FROM_ARGUMENT1: struct.Struct("<B"),
    pickletools.TAKEN_FROM_ARGUMENT4: struct.Struct("<i"),
    pickletools.TAKEN_FROM_ARGUMENT4U: struct.Struct("<I"),
    pickletools.TAKEN_FROM_ARGUMENT8U: struct.Struct("<Q"),
}


class Opcode(NamedTuple):
    """What an opcode does to the stack.

    Attributes:
        name: As in pickletools.
        argument: Bytes that follow it, or one of pickletools' negative codes for their length; None for none.
        takes_mark: Whether it takes all down to the last mark.
        pops, pushes: Values that it takes, below the mark when it takes one, and puts.
    """

    name: str
    argument: int | None
    takes_mark: bool
    pops: int
    pushes: int


def _opcode(info: pickletools.OpcodeInfo) -> Opcode:
    before = [item.name for item in info.stack_before]
    takes_mark = "mark" in before
    pops = before.index("mark") if takes_mark else len(before)
    return Opcode(info.name, info.arg.n if info.arg else None, takes_mark, pops, len(info.stack_after))


OPCODES: Final = {info.code.encode("latin-1"): _opcode(info) for info in pickletools.opcodes}


def line_text(name: str, line: bytes) -> str | None:
    """Text of the opcodes UNICODE and STRING of protocol 0; None when it is none, and never a name."""
    if len(line) > LONGEST_NAME:
        return None
    try:
        if name == "UNICODE":
            return line.decode("raw-unicode-escape")
        quoted = line.strip()
        if len(quoted) < 2 or quoted[:1] not in (b"'", b'"') or quoted[-1:] != quoted[:1]:
            return None
        return str(codecs.escape_decode(quoted[1:-1])[0], "ascii")
    except (UnicodeDecodeError, ValueError):
        return None
