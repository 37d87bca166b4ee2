"""How long `ome` takes to start, beside the bare interpreter and the hub's own command."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from tests.benchmarks.table import Row

_RUNS = 9
HEADS = ("start of", f"median of {_RUNS}", "time against `ome --help`")


def start_times() -> list[Row]:
    """Median wall-clock seconds of nine warm starts each, taken in turns."""
    programs = Path(sys.executable).parent
    with tempfile.TemporaryDirectory() as folder:
        empty = Path(folder) / "parameters.json"
        empty.write_text("[]")  # the step starts, finds no manifest named, and ends with that error
        return _measure(programs, empty)


def _measure(programs: Path, empty: Path) -> list[Row]:
    commands = {
        "`python -c pass`": [sys.executable, "-c", "pass"],
        "`hf --help`": [str(programs / "hf"), "--help"],
        "`ome --help`": [str(programs / "ome"), "--help"],
        "`ome get runtimes`": [str(programs / "ome"), "get", "runtimes"],
        "a step's start (`python -m steps parse-model`)": [sys.executable, "-m", "steps", "parse-model", str(empty)],
    }
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(_RUNS + 1):
        for name, command in commands.items():
            began = time.perf_counter()
            subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
            seconds[name].append(time.perf_counter() - began)
    medians = {name: median(times[1:]) for name, times in seconds.items()}  # the first of each warms the page cache
    own = medians["`ome --help`"]
    return [Row(name, f"{took:.3f} s", f"{took / own:.2f} x") for name, took in medians.items()]
