"""Runs asynchronous work so that SIGTERM cancels it in order: child processes end, finished cells stay.

Called by `steps.benchmark_endpoint`; Ctrl-C is asyncio's own to handle.
"""

import asyncio
import signal
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

TERMINATED = 143


def run_cancellable(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` to its end.

    Raises:
        SystemExit: 143 after a SIGTERM, once everything that `work` started is gone.
        KeyboardInterrupt: likewise after Ctrl-C.
    """
    is_terminated = False

    async def main() -> T:
        task = asyncio.current_task()

        def terminate() -> None:
            nonlocal is_terminated
            is_terminated = True
            if task is not None:
                task.cancel()

        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, terminate)
        return await work

    if threading.current_thread() is not threading.main_thread():
        return asyncio.run(work)
    before = signal.getsignal(signal.SIGTERM)
    try:
        return asyncio.run(main())
    except asyncio.CancelledError:
        if is_terminated:
            raise SystemExit(TERMINATED) from None
        raise
    finally:
        signal.signal(signal.SIGTERM, before)
