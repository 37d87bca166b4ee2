"""How fast an import is, beside `hf download` and beside a bare ranged download with hashing.

All three fetch the same files from the test hub in a process of its own, in turns, into memory (or a folder given).
`hf` and the import are whole commands, with the start of Python; the bare download has no listing and no start, so the
import is held against it by what follows the listing: from manifest to model folder.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from tests.benchmarks.table import Row, markdown
from tests.hub.fixture import child_hub

RUNS = 5
MEBIBYTES = 2048
FILES = 2
MODEL = "acme/large"
HEADS = ("download of {size} MiB in {files} files", "median of {runs}", "import's speed against it")
_IMPORT = """
import sys, time
from steps.cache import import_model
from steps.sources import ResolveOptions, open_source
import aiohttp
manifest = open_source("hf://" + sys.argv[1]).resolve(ResolveOptions())
began = time.perf_counter()
import_model(manifest, "model")
print(f"{time.perf_counter() - began:.4f}")
"""


def import_speeds(folder: Path | None = None, mebibytes: int = MEBIBYTES, runs: int = RUNS) -> list[Row]:
    """Medians and ratios of the import and the alternatives.

    Args:
        folder: Where everything happens; by default in memory where there is room, else the temporary folder.
        mebibytes: Size of the model.
        runs: How often each is measured, in turns; one more run each goes before and is not counted.
    """
    place = folder or _place(mebibytes)
    with tempfile.TemporaryDirectory(dir=place, prefix="ome-bench-") as name:
        root = Path(name)
        sizes = _make_model(root / "hub" / MODEL, mebibytes)
        with child_hub(root / "hub", "--digest-cache", str(root / "digests.json")) as url:
            times: dict[str, list[float]] = {"import": [], "transfer": [], "hf": [], "bare": []}
            for _ in range(runs + 1):
                for measured, seconds in (*_import(root, url).items(), *_hf(root, url).items()):
                    times[measured].append(seconds)
                times["bare"].append(_bare(root, url, sizes))
    medians = {name: median(seconds[1:]) for name, seconds in times.items()}
    return [
        _row("`ome`'s import, whole command", medians["import"], medians["import"], mebibytes),
        _row("`hf download`, whole command", medians["hf"], medians["import"], mebibytes),
        _row("import, from manifest to model folder", medians["transfer"], medians["transfer"], mebibytes),
        _row("bare ranged download with hashing", medians["bare"], medians["transfer"], mebibytes),
    ]


def _row(what: str, seconds: float, own: float, mebibytes: int) -> Row:
    return Row(what, f"{seconds:.2f} s, {mebibytes / seconds:.0f} MiB/s", f"{seconds / own:.2f} x")


def _place(mebibytes: int) -> Path | None:
    memory = Path("/dev/shm")
    if memory.is_dir() and shutil.disk_usage(memory).free > 4 * mebibytes << 20:
        return memory
    return None


def _make_model(folder: Path, mebibytes: int) -> dict[str, int]:
    folder.mkdir(parents=True)
    block = os.urandom(8 << 20)
    sizes = {}
    for number in range(FILES):
        path = folder / f"model-{number + 1:05}-of-{FILES:05}.safetensors"
        with path.open("wb") as file:
            for part in range(mebibytes // FILES // 8):
                file.write(part.to_bytes(8, "big") + number.to_bytes(8, "big") + block[16:])
        sizes[path.name] = path.stat().st_size
    return sizes


def _run(command: Sequence[str], folder: Path, **environment: str) -> tuple[float, str]:
    """Seconds and output of a command in an empty folder, which is removed afterwards.

    All commands keep their compiled bytecode in a folder of the benchmark, made by the first, uncounted run of each:
    no start is measured with a compiler in it, whatever the environment says.
    """
    folder.mkdir()
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    paths = {"PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONPYCACHEPREFIX": str(folder.parent / "bytecode")}
    began = time.perf_counter()
    done = subprocess.run(
        command,
        cwd=folder,
        env=inherited | paths | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - began
    shutil.rmtree(folder)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} failed:\n{done.stderr}")
    return seconds, done.stdout


def _import(root: Path, url: str) -> dict[str, float]:
    folder = root / "import"
    command = [sys.executable, "-c", _IMPORT, MODEL]
    seconds, output = _run(command, folder, HF_ENDPOINT=url, OME_HOME=str(folder / "home"), OME_DISK_RESERVE="0")
    return {"import": seconds, "transfer": float(output)}


def _hf(root: Path, url: str) -> dict[str, float]:
    folder = root / "hf"
    command = [str(Path(sys.executable).parent / "hf"), "download", MODEL, "--local-dir", "model"]
    quiet = {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_UPDATE_CHECK": "1"}
    seconds, _ = _run(command, folder, HF_ENDPOINT=url, HF_HOME=str(folder / "home"), **quiet)
    return {"hf": seconds}


def _bare(root: Path, url: str, sizes: dict[str, int]) -> float:
    files = [text for name, size in sizes.items() for text in (name, str(size))]
    command = [sys.executable, "-m", "tests.benchmarks.bare_download", f"{url}/{MODEL}/resolve/main", *files]
    return float(_run(command, root / "bare")[1])


def main() -> None:
    """Print the table."""
    heads = tuple(head.format(size=MEBIBYTES, files=FILES, runs=RUNS) for head in HEADS)
    print(markdown((heads[0], heads[1], heads[2]), import_speeds()))


if __name__ == "__main__":
    main()
