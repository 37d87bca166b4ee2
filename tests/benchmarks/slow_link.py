"""A link with a delay: relays TCP from one address to another, every byte half a round trip later in each direction.

Run as `python -m tests.benchmarks.slow_link FROM TO ROUND_TRIP_MILLISECONDS PORT [PORT ...]`; prints a line when it
listens. A connection costs a round trip before its first byte, as TCP's handshake does. Its rate is not limited.
"""

import asyncio
import contextlib
import sys
import time

_CHUNK = 256 << 10


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    """Write what is read, each piece `delay` seconds after it came."""
    pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def take() -> None:
        while content := await reader.read(_CHUNK):
            pieces.put_nowait((time.monotonic() + delay, content))
        pieces.put_nowait((time.monotonic() + delay, b""))

    taking = asyncio.create_task(take())
    with contextlib.suppress(OSError):
        while True:
            due, content = await pieces.get()
            await asyncio.sleep(max(due - time.monotonic(), 0))
            if not content:
                break
            writer.write(content)
            await writer.drain()
    taking.cancel()
    writer.close()


async def relay(listening: str, target: str, round_trip: float, ports: list[int]) -> None:
    """Listen on each port of one address and carry to the same port of the other, until cancelled."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(round_trip)
        port = writer.get_extra_info("sockname")[1]
        there, back = await asyncio.open_connection(target, port)
        await asyncio.gather(_carry(reader, back, round_trip / 2), _carry(there, writer, round_trip / 2))

    servers = [await asyncio.start_server(connected, listening, port) for port in ports]
    print("listens", flush=True)
    await asyncio.gather(*(server.serve_forever() for server in servers))


if __name__ == "__main__":
    asyncio.run(relay(sys.argv[1], sys.argv[2], float(sys.argv[3]) / 1000, [int(port) for port in sys.argv[4:]]))
