"""`python -m tests.hub --folder DIR --port 0`: serves the folder as a hub, and prints its URL when it listens."""

import argparse
import asyncio
import signal
from pathlib import Path

from steps.home import write_atomically
from tests.hub.faults import parse_fault
from tests.hub.server import HubOptions, HubServer


def main() -> None:
    """Serve until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m tests.hub", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="holds <org>/<name>/<files>")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--port-file", type=Path, help="written with the URL when the hub listens")
    parser.add_argument("--fault", action="append", default=[], help="kind,key=value,...: see tests/hub/faults.py")
    parser.add_argument("--token", action="append", default=[], help="a token that the hub knows")
    parser.add_argument("--page-size", type=int, default=1000, help="rows a page of the tree")
    parser.add_argument("--bytes-per-second", type=int, default=0, help="pace of all file bodies, 0 for none")
    parser.add_argument("--no-redirect", action="store_true", help="serve large files from the hub's own origin")
    parser.add_argument("--digest-cache", type=Path, help="keeps digests of large files between runs")
    parser.add_argument("--host", default=HubOptions.host, help="address to listen on")
    parser.add_argument("--advertised-host", default="", help="the name by which others reach it, if it is another")
    parser.add_argument("--store-port", type=int, default=0, help="of the second origin; 0 takes a free one")
    arguments = parser.parse_args()
    options = HubOptions(
        folder=arguments.folder.resolve(),
        tokens=tuple(arguments.token) or HubOptions.tokens,
        faults=tuple(parse_fault(text) for text in arguments.fault),
        page_size=arguments.page_size,
        bytes_per_second=arguments.bytes_per_second,
        is_redirecting=not arguments.no_redirect,
        digest_cache=arguments.digest_cache,
        host=arguments.host,
        advertised_host=arguments.advertised_host,
        store_port=arguments.store_port,
    )
    asyncio.run(_serve(HubServer(options), arguments.port, arguments.port_file))


async def _serve(server: HubServer, port: int, port_file: Path | None) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    await server.start(port)
    if port_file is not None:
        write_atomically(port_file, server.url.encode())
    print(server.url, flush=True)
    await stopped.wait()
    await server.stop()


if __name__ == "__main__":
    main()
