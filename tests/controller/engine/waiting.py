"""Waiting for what another process will do: asks again and again, and says what it waited for when it never came."""

import time
from collections.abc import Callable
from typing import TypeVar

from tests.apiserver.client import ApiRefusedError

_PATIENCE_SECONDS = 60.0
Found = TypeVar("Found")


def until(condition: Callable[[], Found], what: str) -> Found:
    """The first true answer; an object that is not there yet, or a server that is down, counts as false.

    Raises:
        AssertionError: when it does not come in a minute.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    last: object = None
    while time.monotonic() < deadline:
        try:
            if found := condition():
                return found
            last = found
        except (ApiRefusedError, OSError) as error:
            last = error
        time.sleep(0.02)
    raise AssertionError(f"never came: {what}; last: {last!r}")
