"""What a kernel may have written to the disk by the time of a power cut: all, nothing, or the wrong half."""

import os
import random
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from tests.kills.victim import Victim

Writeback = Literal["nothing", "records", "bytes", "all"]


def write_back(root: Path, what: Writeback) -> None:
    """Write to the disk: the records of downloads, some of their bytes, or all there is."""
    if what == "all":
        subprocess.run(["sync", "--file-system", str(root)], check=True)
    elif what != "nothing":
        for path in root.rglob("*.progress" if what == "records" else "*.partial"):
            _write_out(path)


def before_cut(root: Path, sent: Callable[[], int]) -> Callable[[Victim, random.Random], str]:
    """Lets the kernel write back, and the import go on a little or not at all, before the power goes; says which."""

    def work(victim: Victim, chance: random.Random) -> str:
        what: Writeback = chance.choice(("nothing", "records", "bytes", "all"))
        write_back(root, what)
        if chance.random() < 0.5:
            return what
        enough = sent() + chance.randint(1, 4_000_000)
        victim.resume()
        victim.wait_until(lambda: sent() >= enough)
        victim.stop()
        return f"{what}, and more was fetched"

    return work


def _write_out(path: Path) -> None:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
