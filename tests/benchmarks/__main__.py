"""`make bench`: measures beside the alternatives, prints the tables, and writes docs/performance.md."""

import platform
from datetime import UTC, datetime
from pathlib import Path

import psutil

from tests.benchmarks import import_speed, start_time
from tests.benchmarks.table import markdown

DOCUMENT = Path(__file__).parents[2] / "docs" / "performance.md"

PAGE = """# Performance

Written by `make bench` on {date} ({machine}). Every figure is a median of runs taken in turns;
compare ratios, not seconds: machines differ.

## Import

The same files from the same local hub, which runs in a process of its own on the same cores. `hf download` checks
sizes only; the import and the bare download hash every byte as it arrives. The bare download has no listing, no
resume, no admission and no fsync, so it is compared with the import's transfer alone. Target: at least 0.95 x the bare
download and 1.5 x `hf download`.

{imports}
## Start

`ome` imports what a command needs when it needs it. Target: `ome --help` under 0.3 s, a step's start under 0.5 s.

{starts}"""


def main() -> None:
    """Measure, print and write."""
    heads = [head.format(size=import_speed.MEBIBYTES, files=import_speed.FILES, runs=import_speed.RUNS)
             for head in import_speed.HEADS]  # fmt: skip
    imports = markdown((heads[0], heads[1], heads[2]), import_speed.import_speeds())
    starts = markdown(start_time.HEADS, start_time.start_times())
    memory = psutil.virtual_memory().total / 2**30
    machine = f"{psutil.cpu_count()} cores, {memory:.0f} GiB, {platform.system()}, Python {platform.python_version()}"
    text = PAGE.format(date=f"{datetime.now(UTC):%Y-%m-%d}", machine=machine, imports=imports, starts=starts)
    DOCUMENT.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
