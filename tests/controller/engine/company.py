"""One life of each kind, led at once by one controller behind a proxy, through whatever disturbs them."""

from collections.abc import Callable, Sequence

from tests.apiserver.fixture import ApiServer
from tests.controller.engine.leading import LIVES, Measure, compare, finish
from tests.controller.engine.proxy import CuttingProxy
from tests.controller.engine.waiting import until


class Company:
    """Lives that are led together.

    Args:
        server: Where.
        proxy: Before it.
        word: Which no other company has in its lives' names.
        measures: What calm lives came to, in the order of `LIVES`.
        disturb: Called once for every so many writes, when the answer to the last one was lost and nothing passes.
        every: How many.

    Attributes:
        times: How often they were disturbed.
    """

    def __init__(
        self,
        server: ApiServer,
        proxy: CuttingProxy,
        word: str,
        measures: Sequence[Measure],
        disturb: Callable[[], object] = lambda: None,
        every: int = 1000,
    ) -> None:
        self.lives = [life_of(server, f"{word}-{life_of.__name__.lower()}") for life_of in LIVES]
        self.times = 0
        self._proxy = proxy
        self._word = word
        self._measures = measures
        self._disturb = disturb
        self._every = every

    def live(self) -> None:
        """Whole lives."""
        self.begin()
        self.settle()
        self.leave()
        self.go()

    def begin(self) -> None:
        """Apply all resources."""
        for life in self.lives:
            life.begin()

    def settle(self) -> None:
        """Wait until all has come about as it does in calm lives."""
        self._until([life.has_settled for life in self.lives], "settled")
        for life, measure in zip(self.lives, self._measures, strict=True):
            compare(life, measure, self._word)

    def leave(self) -> None:
        """Delete all resources."""
        for life in self.lives:
            life.leave()

    def go(self) -> None:
        """Wait until all are gone, and find no trace, and nothing doubled."""
        self._until([life.has_gone for life in self.lives], "gone")
        for life, measure in zip(self.lives, self._measures, strict=True):
            finish(life, measure, self._proxy, self._word)

    def _until(self, conditions: Sequence[Callable[[], bool]], what: str) -> None:
        while True:
            cut = self._proxy.cut_at(self._every, "", "after")
            until(lambda: cut.happened.is_set() or all([holds() for holds in conditions]), f"{self._word} {what}")  # noqa: B023, C419 - called here; all of them play
            if not cut.happened.is_set():
                self._proxy.mend()
                return
            self._disturb()
            self._proxy.mend()
            self.times += 1
