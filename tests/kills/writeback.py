"""What may have been written to the disk by the time of a power cut: all, nothing, the wrong half, or what was forced.

The import itself forces what it has fetched to the disk now and then. Once it has, all of that is there after the cut,
whatever the kernel did.
"""

import os
import random
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from tests.hub.faults import Fault
from tests.hub.fixture import RunningHub
from tests.kills.accounting import is_forced
from tests.kills.victim import Victim

Writeback = Literal["nothing", "records", "bytes", "all"]
FORCED = "what the import had forced there"
_FORCED_SHARE = 0.3
"""Of the cuts."""


def write_back(root: Path, what: Writeback) -> None:
    """Write to the disk: the records of downloads, some of their bytes, or all there is."""
    if what == "all":
        subprocess.run(["sync", "--file-system", str(root)], check=True)
    elif what != "nothing":
        for path in root.rglob("*.progress" if what == "records" else "*.partial"):
            _write_out(path)


def before_cut(root: Path, hub: RunningHub) -> Callable[[Victim, random.Random], str]:
    """Lets the kernel write back, and the import go on a little or not at all, before the power goes; says which."""

    def sent() -> int:
        return hub.ledger.counts().total_bytes

    def work(victim: Victim, chance: random.Random) -> str:
        def has_forced() -> bool:
            # A record says so before it is on the disk itself: until then it is open once more.
            records = [path for path in victim.open_files() if path.endswith(".progress")]
            return len(records) == len(set(records)) and is_forced(root)

        if chance.random() < _FORCED_SHARE:
            hub.set_faults(Fault("hold", times=0))
            victim.resume()
            if victim.wait_until(has_forced) and victim.stop() and has_forced():
                return FORCED
            return "what came after that too"
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
