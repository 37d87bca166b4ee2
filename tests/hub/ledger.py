"""What the hub was asked and what it sent: requests and bytes per path, and tokens sent to the second origin."""

import threading
from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True)
class Counts:
    """A moment of the ledger."""

    requests: dict[str, int]
    bytes: dict[str, int]
    leaked_tokens: int

    @property
    def total_bytes(self) -> int:
        """Body bytes of files, over all paths."""
        return sum(self.bytes.values())

    @property
    def total_requests(self) -> int:
        """Requests of all kinds."""
        return sum(self.requests.values())


class Ledger:
    """Counts from the hub's thread, read from the test's."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._requests: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()
        self._leaked = 0

    def request(self, path: str) -> None:
        """Count a request."""
        with self._changed:
            self._requests[path] += 1
            self._changed.notify_all()

    def sent(self, path: str, count: int) -> None:
        """Count body bytes of a file."""
        with self._changed:
            self._bytes[path] += count
            self._changed.notify_all()

    def leaked(self) -> None:
        """Count a token that arrived where it must not."""
        with self._changed:
            self._leaked += 1

    def counts(self) -> Counts:
        """All counts now."""
        with self._changed:
            return Counts(dict(self._requests), dict(self._bytes), self._leaked)

    def clear(self) -> None:
        """Start again from zero."""
        with self._changed:
            self._requests.clear()
            self._bytes.clear()
            self._leaked = 0

    def wait_for_bytes(self, count: int, timeout: float = 60) -> bool:
        """Wait until `count` bytes were sent in all; False when time ran out."""
        with self._changed:
            return self._changed.wait_for(lambda: sum(self._bytes.values()) >= count, timeout)

    def wait_for_requests(self, path: str, count: int, timeout: float = 60) -> bool:
        """Wait until `path` was asked for `count` times; False when time ran out."""
        with self._changed:
            return self._changed.wait_for(lambda: self._requests[path] >= count, timeout)
