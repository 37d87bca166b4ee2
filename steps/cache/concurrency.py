"""How many requests a source gets at once: fewer when it has too much to do, again more as it serves. Pure.

Additive increase and multiplicative decrease, as TCP shares a line (RFC 5681, section 3.1): the requests of an import
come to what the source can take beside those of others. `steps.cache.turns` acts on it.
"""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Concurrency:
    """A limit on requests at once.

    Attributes:
        most: Requests as configured.
        at_once: Requests that are allowed now: 1 to `most`.
        served_since: How many were served since that was last changed.
        halved_at: When it was last halved, in seconds on the caller's clock.
    """

    most: int
    at_once: int
    served_since: int = 0
    halved_at: float = float("-inf")

    def served(self, began: float) -> "Concurrency":
        """A request that began then was served: after as many as are allowed at once, one more is.

        What began before the last halving says nothing of what the source takes since.
        """
        if began < self.halved_at or self.at_once == self.most:
            return self
        if self.served_since + 1 < self.at_once:
            return replace(self, served_since=self.served_since + 1)
        return replace(self, at_once=self.at_once + 1, served_since=0)

    def overloaded(self, began: float, now: float) -> "Concurrency":
        """A request that began then found the source with too much to do: half as many are allowed, 1 at least.

        Of those that were under way together the first one decides: what the others meet is the same overload.
        """
        if began < self.halved_at:
            return self
        return replace(self, at_once=max(1, self.at_once // 2), served_since=0, halved_at=now)
