"""What a pickle would import, found by reading its opcodes: nothing is imported or called, and memory stays flat.

Called by `steps.cache.pickles`. It follows the machine that `pickletools` documents: a stack and a memo, of which only
text is kept, because the names of globals are text. Bytes are skipped, whatever their length. Where Python's reader
ends with an error, this ends too; where it is laxer than `pickletools`, this is as lax, so that nothing is missed.
"""

import pickletools
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import BinaryIO, Final, NamedTuple

from steps.cache.pickle_opcodes import LENGTHS, LONGEST_NAME, OPCODES, Opcode, line_text

UNKNOWN: Final = "unknown"
"""Module and name of a global whose name is computed while it is unpickled."""
_LINE: Final = 1 << 16
_MARK: Final = object()
_TEXT: Final = frozenset(
    {"STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"}
)
_EXTENSIONS: Final = frozenset({"EXT1", "EXT2", "EXT4"})


@dataclass(frozen=True)
class Limits:
    """How far a pickle is followed; what goes further is refused.

    Attributes:
        opcodes: Of one pickle.
        stack: Values on its stack.
        memo: Values in its memo.
        text: Bytes of text that it holds at once.
    """

    opcodes: int = 50_000_000
    stack: int = 1 << 20
    memo: int = 1 << 20
    text: int = 64 << 20


class GlobalName(NamedTuple):
    """What a pickle imports: a module and the dotted name of something in it."""

    module: str
    name: str


@dataclass(frozen=True)
class Pickles:
    """What was found where pickles may be.

    Attributes:
        globals: What unpickling would import.
        count: Whole pickles.
        problem: Why reading ended before the data did, where that is suspicious; "" when there is no pickle at all,
            and when raw data follows whole pickles, as in PyTorch's format before 1.6.
    """

    globals: frozenset[GlobalName]
    count: int
    problem: str = ""


def read_pickles(stream: BinaryIO, limits: Limits = Limits()) -> Pickles:  # noqa: B008 - it is frozen
    """Read one pickle after another from where `stream` stands, until there is none."""
    found: set[GlobalName] = set()
    count = 0
    while True:
        reading = _Reading(stream, found, limits)
        before = len(found)
        try:
            reading.run()
        except _EndError as end:
            is_pickle = len(found) > before or (count == 0 and reading.has_header)
            is_suspicious = end.is_certain or (is_pickle and not reading.is_at_start)
            return Pickles(frozenset(found), count, end.problem if is_suspicious else "")
        count += 1


class _EndError(Exception):
    """The pickle cannot be read further."""

    def __init__(self, problem: str, *, is_certain: bool = False) -> None:
        super().__init__(problem)
        self.problem = problem
        self.is_certain = is_certain


@dataclass
class _Reading:
    """One pickle: its stack and memo hold text, or None for anything else."""

    stream: BinaryIO
    found: set[GlobalName]
    limits: Limits
    has_header: bool = False
    is_at_start: bool = True
    text: int = 0
    frame: int = 0
    stack: list[object] = field(default_factory=list)
    memo: dict[int, object] = field(default_factory=dict)

    def run(self) -> None:
        """Read to the opcode STOP."""
        opcodes, read, stack, limits = OPCODES, self.stream.read, self.stack, self.limits
        for position in range(limits.opcodes):
            code = read(1)
            opcode = opcodes.get(code)
            if opcode is None:
                raise _EndError(f"has no opcode {code!r}" if code else "ends in the middle")
            if position == 1:
                self.is_at_start = False
            if self.frame:
                self.frame -= 1
            name = opcode.name
            if name == "STOP":
                return
            special = _SPECIAL.get(name)
            if special is not None:
                special(self, opcode)
            else:
                if opcode.argument is not None:
                    self._skip_argument(opcode.argument)
                self._move(opcode)
            if len(stack) > limits.stack or len(self.memo) > limits.memo or self.text > limits.text:
                raise _EndError("holds more values at once than can be followed", is_certain=True)
        raise _EndError(f"has more than {limits.opcodes} opcodes", is_certain=True)

    def _move(self, opcode: Opcode) -> None:
        if opcode.takes_mark:
            self._pop_to_mark()
        if len(self.stack) < opcode.pops:
            raise _EndError("takes values from an empty stack")
        if opcode.pops:
            del self.stack[-opcode.pops :]
        if opcode.pushes:
            self.stack.extend([None] * opcode.pushes)

    def _pop_to_mark(self) -> None:
        stack = self.stack
        while stack:
            if stack.pop() is _MARK:
                return
        raise _EndError("has no mark where one is needed")

    def _bytes(self, count: int) -> bytes:
        self._leave_frame(count)
        content = self.stream.read(count)
        if len(content) != count:
            raise _EndError("ends in the middle")
        return content

    def _leave_frame(self, count: int) -> None:
        """Count what is read of a frame: Python's readers go on at different bytes when a value crosses its end."""
        if self.frame:
            if count > self.frame:
                raise _EndError("has a value that crosses the end of a frame", is_certain=True)
            self.frame -= count

    def _line(self) -> bytes | None:
        """A line without its end; None when it is too long to be a name."""
        line = part = self.stream.readline(_LINE)
        self._leave_frame(len(line))
        while part and not part.endswith(b"\n"):
            part = self.stream.readline(_LINE)
            self._leave_frame(len(part))
        if not part:
            raise _EndError("ends in the middle")
        return line[:-1] if line is part else None

    def _length(self, argument: int) -> int:
        form = LENGTHS[argument]
        (length,) = form.unpack(self._bytes(form.size))
        if length < 0:
            raise _EndError("has a negative length")
        return int(length)

    def _skip_argument(self, argument: int) -> None:
        if argument >= 0:
            self._bytes(argument)
        elif argument == pickletools.UP_TO_NEWLINE:
            self._line()
        else:
            self._skip(self._length(argument))

    def _skip(self, count: int) -> None:
        if count <= _LINE:
            self._bytes(count)
            return
        self._leave_frame(count - 1)
        try:
            self.stream.seek(count - 1, 1)
        except (OSError, OverflowError, ValueError):
            raise _EndError("has a length that no file has") from None
        self._bytes(1)

    def proto(self, opcode: Opcode) -> None:
        version = self._bytes(1)[0]
        if version > 5:
            raise _EndError(f"is of protocol {version}, which is not known")
        self.has_header = True

    def begin_frame(self, opcode: Opcode) -> None:
        length = int.from_bytes(self._bytes(8), "little")
        if self.frame:
            raise _EndError("has a frame in a frame", is_certain=True)
        self.frame = length

    def mark(self, opcode: Opcode) -> None:
        self.stack.append(_MARK)

    def push_text(self, opcode: Opcode) -> None:
        if opcode.argument is None or opcode.argument == pickletools.UP_TO_NEWLINE:
            line = self._line()
            text = line_text(opcode.name, line) if line is not None else None
        else:
            length = self._length(opcode.argument)
            text = None
            if length > LONGEST_NAME:
                self._skip(length)
            else:
                with suppress(UnicodeDecodeError):
                    text = self._bytes(length).decode("utf-8", "surrogatepass")
        self.text += len(text) if text is not None else 0
        self.stack.append(text)

    def put(self, opcode: Opcode) -> None:
        index = len(self.memo) if opcode.name == "MEMOIZE" else self._index(opcode)
        if not self.stack:
            raise _EndError("keeps a value of an empty stack")
        self.memo[index] = self.stack[-1]

    def get(self, opcode: Opcode) -> None:
        index = self._index(opcode)
        if index not in self.memo:
            raise _EndError(f"uses value {index}, which it has not kept")
        self.stack.append(self.memo[index])

    def _index(self, opcode: Opcode) -> int:
        if opcode.argument != pickletools.UP_TO_NEWLINE:
            return int.from_bytes(self._bytes(opcode.argument or 0), "little")
        try:
            return int((self._line() or b"").decode("ascii"))
        except ValueError:
            raise _EndError("has a number that is none") from None

    def duplicate(self, opcode: Opcode) -> None:
        self.stack.extend(self.stack[-1:])

    def named_global(self, opcode: Opcode) -> None:
        lines = self._line(), self._line()
        try:
            module, name = ((line or b"\xff").decode("utf-8") for line in lines)
        except UnicodeDecodeError:
            raise _EndError("imports something without a name") from None
        self.found.add(GlobalName(module, name))
        if opcode.takes_mark:
            self._pop_to_mark()
        self.stack.append(None)

    def stack_global(self, opcode: Opcode) -> None:
        if len(self.stack) < 2:
            raise _EndError("takes values from an empty stack")
        name, module = self.stack.pop(), self.stack.pop()
        is_named = isinstance(module, str) and isinstance(name, str)
        self.found.add(GlobalName(str(module), str(name)) if is_named else GlobalName(UNKNOWN, UNKNOWN))
        self.stack.append(None)

    def extension(self, opcode: Opcode) -> None:
        code = int.from_bytes(self._bytes(opcode.argument or 0), "little")
        if not self.has_header:
            raise _EndError("has an extension code")
        self.found.add(GlobalName(UNKNOWN, f"extension-{code}"))
        self.stack.append(None)


_SPECIAL: Final[dict[str, Callable[[_Reading, Opcode], None]]] = {
    "PROTO": _Reading.proto,
    "FRAME": _Reading.begin_frame,
    "MARK": _Reading.mark,
    "DUP": _Reading.duplicate,
    "STACK_GLOBAL": _Reading.stack_global,
    **dict.fromkeys(("GLOBAL", "INST"), _Reading.named_global),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), _Reading.put),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _Reading.get),
    **dict.fromkeys(_TEXT, _Reading.push_text),
    **dict.fromkeys(_EXTENSIONS, _Reading.extension),
}
