"""The yardstick of parsing: a loop that reads the header of every shard, and nothing else.

Two ranged reads a file, eight files at once, over connections that are kept; no checks, no counting beyond a sum.
Run as `python -m tests.benchmarks.bare_headers URL FILE [FILE ...]`; prints the seconds without the start.
"""

import json
import struct
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from math import prod

import httpx2

THREADS = 8


def main() -> None:
    """Read all headers."""
    url, *names = sys.argv[1:]
    began = time.perf_counter()
    with httpx2.Client(follow_redirects=True, timeout=60) as client, ThreadPoolExecutor(THREADS) as threads:

        def read(name: str) -> int:
            address = f"{url}/{name}"
            (length,) = struct.unpack("<Q", client.get(address, headers={"Range": "bytes=0-7"}).content)
            header = client.get(address, headers={"Range": f"bytes=8-{7 + length}"}).content
            return sum(prod(tensor["shape"]) for name, tensor in json.loads(header).items() if name != "__metadata__")

        sum(threads.map(read, names))
    print(f"{time.perf_counter() - began:.4f}")


if __name__ == "__main__":
    main()
