"""What a logger of this process says, for tests that wait for it to say something."""

import asyncio
import logging


class Heard(logging.Handler):
    """What a logger says, as it comes."""

    def __init__(self, name: str) -> None:
        super().__init__(logging.DEBUG)
        self.records: asyncio.Queue[logging.LogRecord] = asyncio.Queue()
        self._logger = logging.getLogger(name)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep what is said."""
        self.records.put_nowait(record)

    def __enter__(self) -> "Heard":
        self._logger.addHandler(self)
        self._logger.setLevel(logging.DEBUG)
        return self

    def __exit__(self, *_: object) -> None:
        self._logger.removeHandler(self)
        self._logger.setLevel(logging.NOTSET)
