"""Looks up where peers are. Not as asyncio does: its threads hold up the end of a program until they have one."""

import asyncio
import socket
import threading
from collections.abc import Iterable
from contextlib import suppress

Address = tuple[str, int]


async def find_addresses(named: Iterable[Address]) -> set[Address]:
    """The addresses of all hosts, as numbers; of those that cannot be looked up, none."""
    answers = await asyncio.gather(*(_look_up(host, port) for host, port in named))
    return {address for found in answers for address in found}


async def _look_up(host: str, port: int) -> set[Address]:
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[set[Address]] = loop.create_future()

    def give(found: set[Address]) -> None:
        if not answer.done():
            answer.set_result(found)

    def ask() -> None:
        try:
            found = {(str(each[4][0]), port) for each in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
        except (OSError, UnicodeError):  # no peer has an address yet, the name server is away, or it is no name
            found = set()
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(give, found)

    threading.Thread(target=ask, name=f"look up {host}", daemon=True).start()
    return await answer
