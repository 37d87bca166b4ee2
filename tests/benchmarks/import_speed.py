"""How fast an import is, beside `hf download` and beside a bare ranged download with hashing, and how much it holds.

All three fetch the same files from the test hub in a process of its own, in turns, into memory and onto disk. `hf`
and the import are whole commands, with the start of Python; the bare download has no listing and no start, so the
import is held against it by what follows the listing: from manifest to model folder.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.benchmarks.table import Row
from tests.hub.fixture import child_hub

RUNS = 5
MODEL = "acme/large"
HEADS = ("download", f"median of {RUNS}", "import's speed against it")
MEMORY = Path("/dev/shm")
_BLOCK = 8 << 20
_IMPORT = """
import sys, time
from steps.cache import import_model
from steps.sources import ResolveOptions, open_source
import aiohttp
manifest = open_source("hf://" + sys.argv[1]).resolve(ResolveOptions())
began = time.perf_counter()
import_model(manifest, "model")
print(f"{time.perf_counter() - began:.4f}")
for _ in range(int(sys.argv[2])):
    began = time.perf_counter()
    import_model(manifest, "model")
    print(f"{time.perf_counter() - began:.5f}")
"""


@dataclass(frozen=True)
class Shape:
    """The files of a model.

    Attributes:
        files: How many.
        size: Bytes of each.
        suffix: Of their names: `.safetensors` is kept in the hub's large-file store, `.json` in git.
        aims: What the import is to be: times the speed of `hf download`, and of the bare download or None.
    """

    files: int
    size: int
    suffix: str
    aims: tuple[float, float | None]

    @property
    def text(self) -> str:
        """As it is written: `40 x 100 MiB`."""
        unit, name = next((1 << power, name) for power, name in ((30, "GiB"), (20, "MiB"), (10, "KiB"))
                          if self.size >= 1 << power)  # fmt: skip
        return f"{self.files} x {self.size / unit:.0f} {name}"

    @property
    def mebibytes(self) -> float:
        """All of it."""
        return self.files * self.size / 2**20


SHAPES = (
    Shape(1, 4 << 30, ".safetensors", (1.5, 0.95)),
    Shape(40, 100 << 20, ".safetensors", (1.5, 0.95)),
    Shape(5000, 20 << 10, ".json", (2.0, None)),
)
WARM = Shape(163, 64 << 10, ".safetensors", (0, None))
WARM_AIM_SECONDS = 0.05
MEMORY_AIM_MEBIBYTES = 200e6 / 2**20


@dataclass(frozen=True)
class Done:
    """A command that has ended: its seconds, its peak of resident memory in MiB, and what it printed."""

    seconds: float
    mebibytes: float
    output: str


def import_speeds(shapes: Sequence[Shape] = SHAPES, runs: int = RUNS) -> Iterator[Row]:
    """Medians and ratios of the import and the alternatives, for each shape in memory and on disk.

    Args:
        shapes: What is fetched.
        runs: How often each is measured, in turns; one more run each goes before and is not counted.
    """
    for shape in shapes:
        for place, where in _places(shape):
            yield from _compared(shape, place, where, runs)
    yield _warm()


def _compared(shape: Shape, place: Path, where: str, runs: int) -> Iterator[Row]:
    with tempfile.TemporaryDirectory(dir=place, prefix="ome-bench-") as name:
        root = Path(name)
        sizes = _make_model(root / "hub" / MODEL, shape)
        with child_hub(root / "hub", "--digest-cache", str(root / "digests.json")) as url:
            times: dict[str, list[float]] = {"import": [], "transfer": [], "hf": [], "bare": []}
            peaks = []
            for _ in range(runs + 1):
                done = _import(root, url)
                times["import"].append(done.seconds)
                times["transfer"].append(float(done.output))
                peaks.append(done.mebibytes)
                times["hf"].append(_hf(root, url).seconds)
                if shape.aims[1] is not None:
                    times["bare"].append(_bare(root, url, sizes))
    medians = {name: median(seconds[1:]) for name, seconds in times.items() if seconds}

    def row(what: str, name: str, own: str, aim: float | None) -> Row:
        ratio = medians[name] / medians[own]
        told = "" if aim is None else f"; aim {aim} x, {'met' if ratio >= aim else 'missed'}"
        return Row(what, f"{medians[name]:.2f} s, {shape.mebibytes / medians[name]:.0f} MiB/s", f"{ratio:.2f} x{told}")

    peak = median(peaks[1:])
    fits = "met" if peak <= MEMORY_AIM_MEBIBYTES else "missed"
    yield row(f"{shape.text} {where}: `ome`'s import, whole command", "import", "import", None)
    yield row("`hf download`, whole command", "hf", "import", shape.aims[0])
    if shape.aims[1] is not None:
        yield row("import, from manifest to model folder", "transfer", "transfer", None)
        yield row("bare ranged download with hashing", "bare", "transfer", shape.aims[1])
    yield Row("the import's memory at its peak", f"{peak:.0f} MiB; aim {MEMORY_AIM_MEBIBYTES:.0f}, {fits}", "–")


def _warm() -> Row:
    """An import of what is there already."""
    with tempfile.TemporaryDirectory(prefix="ome-bench-") as name:
        root = Path(name)
        _make_model(root / "hub" / MODEL, WARM)
        with child_hub(root / "hub") as url:
            lines = _import(root, url, again=2 * RUNS + 1).output.split()
    seconds = median(float(line) for line in lines[2:])
    told = "met" if seconds <= WARM_AIM_SECONDS else "missed"
    figure = f"{seconds * 1000:.1f} ms; aim {WARM_AIM_SECONDS * 1000:.0f}, {told}"
    return Row(f"{WARM.files} shards that are there already", figure, "–")


def _places(shape: Shape) -> Iterator[tuple[Path, str]]:
    """Where there is room for a model twice and some more: memory, and the temporary folder."""
    for folder, where in ((MEMORY, "in memory"), (Path(tempfile.gettempdir()), "on disk")):
        if folder.is_dir() and shutil.disk_usage(folder).free > 2.5 * shape.files * shape.size:
            yield folder, where


def _make_model(folder: Path, shape: Shape) -> dict[str, int]:
    folder.mkdir(parents=True)
    block = os.urandom(min(_BLOCK, shape.size))
    sizes = {}
    for number in range(shape.files):
        path = folder / f"model-{number + 1:05}-of-{shape.files:05}{shape.suffix}"
        with path.open("wb") as file:
            while (written := file.tell()) < shape.size:
                head = written.to_bytes(8, "big") + number.to_bytes(8, "big")
                file.write((head + block[16:])[: shape.size - written])
        sizes[path.name] = shape.size
    return sizes


def _run(command: Sequence[str], folder: Path, **environment: str) -> Done:
    """A command in an empty folder, which is removed afterwards.

    All commands keep their compiled bytecode in a folder of the benchmark, made by the first, uncounted run of each:
    no start is measured with a compiler in it, whatever the environment says.
    """
    folder.mkdir()
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    paths = {"PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONPYCACHEPREFIX": str(folder.parent / "bytecode")}
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        began = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=folder, env=inherited | paths | environment, stdout=output, stderr=errors
        )
        _, status, used = os.wait4(process.pid, 0)  # which tells the memory of this child alone
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        told = errors if process.returncode else output
        told.seek(0)
        text = told.read().decode(errors="replace")
    shutil.rmtree(folder)
    if process.returncode != 0:
        raise RuntimeError(f"{command[0]} failed:\n{text}")
    return Done(seconds, used.ru_maxrss / 1024, text)


def _import(root: Path, url: str, again: int = 0) -> Done:
    folder = root / "import"
    command = [sys.executable, "-c", _IMPORT, MODEL, str(again)]
    return _run(command, folder, HF_ENDPOINT=url, OME_HOME=str(folder / "home"), OME_DISK_RESERVE="0")


def _hf(root: Path, url: str) -> Done:
    folder = root / "hf"
    command = [str(Path(sys.executable).parent / "hf"), "download", MODEL, "--local-dir", "model"]
    quiet = {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_UPDATE_CHECK": "1"}
    return _run(command, folder, HF_ENDPOINT=url, HF_HOME=str(folder / "home"), **quiet)


def _bare(root: Path, url: str, sizes: dict[str, int]) -> float:
    files = [text for name, size in sizes.items() for text in (name, str(size))]
    command = [sys.executable, "-m", "tests.benchmarks.bare_download", f"{url}/{MODEL}/resolve/main", *files]
    return float(_run(command, root / "bare").output)
