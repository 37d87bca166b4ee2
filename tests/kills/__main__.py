"""`python -m tests.kills --count 1000`: kills so many imports at random moments, and prints what it cost.

`--power` cuts the power of their disk as well, which needs root; it ends with 3 where it cannot. It ends with 1 at the
first thing that is not as it must be.
"""

import argparse
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from steps.cache.small_transfer import SMALL_BYTES
from tests.kills.campaign import Campaign
from tests.kills.moments import CUTS
from tests.kills.power import FileSystem, loop_disk
from tests.kills.served import PACE, serving
from tests.kills.tally import Tally
from tests.kills.writeback import FORCED, before_cut

NOT_RUN = 3
"""Exit code where this machine has no such disk."""
LEAST_KEPT = 0.99
"""Of the bytes that killed processes had fetched."""
MOST_FORCED_LOST = 8 * SMALL_BYTES
"""Small files are in memory until they are whole, one for each connection."""


def main() -> None:
    """Kill, and print the figures."""
    parser = argparse.ArgumentParser(prog="python -m tests.kills", description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="how many kills")
    parser.add_argument("--seed", type=int, default=1, help="of what is chosen at random")
    parser.add_argument("--power", choices=["ext4", "xfs"], help="forget what was not written to a disk of this kind")
    parser.add_argument("--pace", type=float, default=PACE / 1e6, help="of the hub, in MB/s")
    arguments = parser.parse_args()
    pace = round(arguments.pace * 1e6)
    with tempfile.TemporaryDirectory(prefix="ome-kills-") as folder:
        if arguments.power:
            tally = cut_power(Path(folder), arguments.power, arguments.count, arguments.seed, pace)
        else:
            tally = kill(Path(folder), arguments.count, arguments.seed, pace)
    for line in tally.lines():
        print(line)
    if any(kill.lost > MOST_FORCED_LOST for kill in tally.kills if kill.written == FORCED):
        sys.exit(f"at most {MOST_FORCED_LOST} bytes may be lost where the disk had {FORCED}")
    if not arguments.power and (tally.share_kept < LEAST_KEPT or tally.refused):
        sys.exit(f"at least {LEAST_KEPT:.0%} must be kept, and none of it damaged")


def kill(folder: Path, count: int, seed: int, pace: int) -> Tally:
    """Kill imports."""
    with serving(folder / "served", seed, pace) as served:
        (folder / "disk").mkdir()
        return Campaign(served, folder / "disk", folder, seed).run(count, _say)


def cut_power(folder: Path, kind: FileSystem, count: int, seed: int, pace: int) -> Tally:
    """Kill imports, and cut the power of their disk with each kill."""
    with ExitStack() as stack:
        try:
            disk = stack.enter_context(loop_disk(folder, kind))
        except OSError as error:
            print(f"no disk whose power can be cut: {error}", file=sys.stderr)
            sys.exit(NOT_RUN)
        served = stack.enter_context(serving(folder / "served", seed, pace))
        root = disk.folder / "home" / "models"
        before = before_cut(root, served.hub)
        campaign = Campaign(served, disk.folder, folder, seed, kinds=CUTS, before_kill=before, after_kill=disk.cut)
        return campaign.run(count, _say)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
