"""Faults on demand: what the hub does wrong, for which paths, how often and after how many bytes.

As text (`--fault`, or JSON for the admin endpoint): `kind,key=value,...`, for example
`status,status=429,retry_after=1,times=3,path=*.safetensors` or `stall,after=65536`.
"""

import threading
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from typing import Literal, get_args

Kind = Literal["status", "stall", "short", "flip", "change", "hold", "whole", "length", "elsewhere", "loop", "expire"]
STATUS_DEFAULT = 500
STANDING = frozenset({"change", "hold"})
"""Kinds that no request uses up."""


@dataclass(frozen=True)
class Fault:
    """One thing to do wrong.

    Attributes:
        kind: `status`: answer with a status code. `stall`: send `after` bytes, then nothing. `short`: send `after`
            bytes, then close. `flip`: invert the byte at `after` of the file. `change`: the file has another ETag and
            other bytes for as long as the fault is set. `hold`: send nothing once `after` bytes were sent over all
            files, for as long as the fault is set. `whole`: ignore the range and send all of the file. `length`: say
            that the body has `after` bytes, and send so many. `elsewhere`: send from `after` bytes behind the first
            that was asked for, and say so. `loop`: redirect to the same address. `expire`: refuse
            the signed addresses that were given until now (the second origin).
        path: Pattern over `org/name/file` (the hub), `lfs/org/name/file` (the second origin) or `api/...`.
        times: How many requests it meets; 0 means all.
        after: Bytes, see `kind`.
        skip: How many matching requests go well first.
        status: For kind `status`.
        retry_after: Seconds in the Retry-After header, below 0 for none.
        code: X-Error-Code header, such as GatedRepo.
    """

    kind: Kind
    path: str = "*"
    times: int = 1
    after: int = 0
    skip: int = 0
    status: int = STATUS_DEFAULT
    retry_after: int = -1
    code: str = ""


def parse_fault(text: str) -> Fault:
    """A fault from `kind,key=value,...`.

    Raises:
        ValueError: with what is accepted.
    """
    kind, *pairs = text.split(",")
    if kind not in get_args(Kind):
        raise ValueError(f'fault "{kind}" is unknown; there are: {", ".join(get_args(Kind))}')
    types = {f.name: f.type for f in fields(Fault)}
    values: dict[str, object] = {}
    for pair in pairs:
        key, _, value = pair.partition("=")
        if key not in types or key == "kind":
            raise ValueError(
                f'fault setting "{key}" is unknown; there are: {", ".join(k for k in types if k != "kind")}'
            )
        values[key] = int(value) if types[key] is int else value
    return Fault(kind=kind, **values)  # type: ignore[arg-type]  # the kind and the keys were checked above


def fault_text(fault: Fault) -> str:
    """The text that `parse_fault` reads as `fault`."""
    told = [f"{f.name}={getattr(fault, f.name)}" for f in fields(fault) if f.name != "kind"]
    return ",".join([fault.kind, *told])


class FaultBox:
    """The faults still to come; thread-safe, since tests set them while the hub runs."""

    def __init__(self, faults: tuple[Fault, ...] = ()) -> None:
        self._lock = threading.Lock()
        self._left: list[tuple[Fault, int, int]] = []
        self.set(faults)

    def set(self, faults: tuple[Fault, ...]) -> None:
        """Replace all faults."""
        with self._lock:
            self._left = [(fault, fault.times, _skips_of(fault)) for fault in faults]

    def take(self, target: str, kinds: frozenset[str]) -> Fault | None:
        """The next fault of one of `kinds` for a request to `target`, used up by it."""
        with self._lock:
            for index, (fault, times, skip) in enumerate(self._left):
                if fault.kind not in kinds or not fnmatchcase(target, fault.path):
                    continue
                if skip > 0:
                    self._left[index] = (fault, times, skip - 1)
                    continue
                if times == 1:
                    del self._left[index]
                elif times > 1:
                    self._left[index] = (fault, times - 1, 0)
                return fault
        return None

    def arrived(self, target: str) -> None:
        """Count a request against the standing faults that let some go well first."""
        with self._lock:
            for index, (fault, times, skip) in enumerate(self._left):
                if fault.kind in STANDING and skip > 0 and fnmatchcase(target, fault.path):
                    self._left[index] = (fault, times, skip - 1)

    def standing(self, target: str, kind: str) -> Fault | None:
        """A fault of `kind` that applies to `target`, left in place."""
        with self._lock:
            return next(
                (f for f, _, skip in self._left if f.kind == kind and skip == 0 and fnmatchcase(target, f.path)), None
            )


def _skips_of(fault: Fault) -> int:
    """A standing fault is looked for while a request that arrived is answered, which itself still goes well."""
    return fault.skip + 1 if fault.kind in STANDING and fault.skip else fault.skip
