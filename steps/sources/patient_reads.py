"""A read of a range that goes on after failures, from the byte it had, as `steps.sources.patience` says."""

import time
from collections.abc import Callable

from steps.errors import NetworkError, OmeError
from steps.manifest import FileEntry
from steps.sources.patience import Patience, TransferSettings


def read_patiently(
    settings: TransferSettings,
    subject: str,
    file: FileEntry,
    start: int,
    end: int,
    read_once: Callable[[int, int, bytearray], None],
) -> bytes:
    """Bytes [start, end) of a file; fewer when it ends before.

    Args:
        settings: Attempts and waits.
        subject: Begins the messages of errors.
        file: Its size ends the range.
        start: First byte.
        end: Byte after the last.
        read_once: Called with what is missing, [start, end); appends what comes, in order, also when it then fails.

    Raises:
        OmeError: the first failure that further attempts do not help; an answer that ends early is one, too.
    """
    patience = Patience(settings)
    content = bytearray()
    end = min(end, file.size)
    while len(content) < end - start:
        before = len(content)
        try:
            read_once(start + before, end, content)
            if (left := end - start - len(content)) > 0:
                raise NetworkError(f"{subject}: the answer ended {left} bytes early")
        except OmeError as error:
            if len(content) > before:
                patience.succeeded()
            time.sleep(patience.delay_after(error))
    return bytes(content)
