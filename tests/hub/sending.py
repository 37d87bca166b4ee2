"""Sends a range of a file: by sendfile in slices when all is well, by hand when a fault is to be seen on the wire."""

import asyncio
from contextlib import suppress
from pathlib import Path

from aiohttp import web

from tests.hub.faults import Fault, FaultBox
from tests.hub.ledger import Ledger

SLICE = 1 << 20
BODY_FAULTS = frozenset({"stall", "short", "flip", "length"})


class Sender:
    """Streams files; one for both origins of a hub.

    Args:
        ledger: Counts what was sent.
        faults: What to do wrong.
        bytes_per_second: Pace over all connections together, 0 for none.
    """

    def __init__(self, ledger: Ledger, faults: FaultBox, bytes_per_second: int = 0) -> None:
        self._ledger = ledger
        self._faults = faults
        self._pace = bytes_per_second
        self._next_send = 0.0
        self._under_way = 0

    async def send(
        self, request: web.Request, response: web.StreamResponse, source: Path, target: str, start: int, end: int
    ) -> web.StreamResponse:
        """Send bytes [start, end) of `source` as the body of `response`."""
        fault = self._faults.take(target, BODY_FAULTS)
        is_changed = self._faults.standing(target, "change") is not None
        if fault is not None and fault.kind == "length":
            end = min(end, start + fault.after)
        response.content_length = end - start
        await response.prepare(request)
        with source.open("rb") as file, suppress(ConnectionResetError, BrokenPipeError):
            loop = asyncio.get_running_loop()
            position, there = start, min(end, source.stat().st_size)
            while position < there:
                count = min(there - position, SLICE if self._pace == 0 else 1 << 14)
                held = self._faults.standing(target, "hold")
                if held is not None:
                    count = min(count, held.after - self._ledger.counts().total_bytes - self._under_way)
                    if count <= 0:
                        if request.transport is None or request.transport.is_closing():
                            return response
                        await asyncio.sleep(0.01)
                        continue
                if fault is not None and fault.kind in ("stall", "short"):
                    count = min(count, start + fault.after - position)
                    if count <= 0:
                        if fault.kind == "stall":
                            await self._wait_for_client(request)
                        self._close(request)
                        return response
                self._under_way += count  # others decide meanwhile how much they may send
                try:
                    await self._keep_pace(count)
                    if request.transport is None or request.transport.is_closing():
                        return response
                    if is_changed or fault is not None:
                        await response.write(_damaged(file.seek(position), file.read(count), fault, is_changed))
                    else:
                        await loop.sendfile(request.transport, file, position, count)
                    self._ledger.sent(target, count)
                finally:
                    self._under_way -= count
                position += count
            if there < end:
                self._close(request)
            elif response.prepared and (is_changed or fault is not None):
                await response.write_eof()
        return response

    async def _keep_pace(self, count: int) -> None:
        if self._pace:
            now = asyncio.get_running_loop().time()
            self._next_send = max(self._next_send, now) + count / self._pace
            await asyncio.sleep(self._next_send - now)

    @staticmethod
    async def _wait_for_client(request: web.Request) -> None:
        """Send nothing until the client gives up."""
        while request.transport is not None and not request.transport.is_closing():
            await asyncio.sleep(0.02)

    @staticmethod
    def _close(request: web.Request) -> None:
        if request.transport is not None:
            request.transport.close()


def _damaged(position: int, content: bytes, fault: Fault | None, is_changed: bool) -> bytes:
    if is_changed:
        return bytes(byte ^ 0xFF for byte in content)
    if fault is not None and fault.kind == "flip" and position <= fault.after < position + len(content):
        at = fault.after - position
        return content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :]
    return content
