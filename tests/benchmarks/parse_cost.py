"""What parsing costs: a 163-shard model over HTTP with 50 ms a round trip, and one configuration alone.

The model has DeepSeek-V3's tensors and 11.5 MB of headers. The hub and the link are processes of their own; bytes are
those of files, as the hub counts them, memory is the peak of the whole process with Python in it. Resolving comes
before and is not counted. The yardstick reads every header, two reads each, eight at once.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.benchmarks.table import Row
from tests.hub.fixture import child_hub
from tests.parsing.deepseek_shaped import SHARDS, write_model

RUNS = 5
ROUND_TRIP_MILLISECONDS = 50
MODEL = "deep/shaped"
HEADS = ("parse of", f"median of {RUNS}", "time against ours")
AIM_SECONDS, AIM_BYTES, AIM_MEBIBYTES, AIM_CONFIG_MILLISECONDS = 3.0, 5_000_000, 150e6 / 2**20, 5.0
_NEAR, _FAR = "127.0.0.1", "127.0.0.2"
_PARSE = """
import sys, time
from steps.parse.model_facts import parse_facts
from steps.sources import ResolveOptions, open_source
source = open_source("hf://" + sys.argv[1])
manifest = source.resolve(ResolveOptions())
began = time.perf_counter()
facts = parse_facts(manifest, source)
print(f"{time.perf_counter() - began:.4f}")
assert facts.parameters.total == 684_489_845_504, facts.parameters
"""
_CONFIG = """
import statistics, tempfile, time
from pathlib import Path
from steps.parse.model_facts import parse_facts
from tests.parsing.made_up_files import FolderReader, describe_folder, write_config
from tests.parsing.public_models import MODELS
seconds = []
for model in MODELS:
    with tempfile.TemporaryDirectory() as name:
        write_config(Path(name), model.config)
        manifest = describe_folder(Path(name))
        taken = []
        for _ in range(20):
            began = time.perf_counter()
            parse_facts(manifest, FolderReader())
            taken.append(time.perf_counter() - began)
        seconds.append(statistics.median(taken))
print(f"{statistics.median(seconds):.6f} {max(seconds):.6f}")
"""


@dataclass(frozen=True)
class _Done:
    seconds: float
    mebibytes: float
    sent: int


def parse_costs(runs: int = RUNS) -> list[Row]:
    """Medians of both ways of reading a large model, in turns, and the time of one configuration."""
    with tempfile.TemporaryDirectory(prefix="ome-bench-") as name:
        root = Path(name)
        headers = write_model(root / "hub" / MODEL)
        names = sorted(path.name for path in (root / "hub" / MODEL).glob("*.safetensors"))
        with _slow_hub(root / "hub") as url:
            ours, bare = [], []
            for _ in range(runs + 1):
                ours.append(_run([sys.executable, "-c", _PARSE, MODEL], url))
                command = [sys.executable, "-m", "tests.benchmarks.bare_headers", f"{url}/{MODEL}/resolve/main"]
                bare.append(_run([*command, *names], url))
    seconds, sent = median(d.seconds for d in ours[1:]), median(d.sent for d in ours[1:])
    peak = median(d.mebibytes for d in ours[1:])
    loop = median(d.seconds for d in bare[1:])
    typical, longest = (1000 * float(text) for text in _output([sys.executable, "-c", _CONFIG], {}).split())
    return [
        Row(f"{SHARDS} shards, {headers / 1e6:.1f} MB of headers",
            f"{seconds:.2f} s; aim {AIM_SECONDS:.0f}, {_told(seconds <= AIM_SECONDS)}", "1.00 x"),
        Row("its bytes over the link",
            f"{sent / 1e6:.2f} MB; aim {AIM_BYTES / 1e6:.0f}, {_told(sent <= AIM_BYTES)}", "–"),
        Row("its memory at its peak", f"{peak:.0f} MiB; aim {AIM_MEBIBYTES:.0f}, {_told(peak <= AIM_MEBIBYTES)}", "–"),
        Row("a loop that reads every header",
            f"{loop:.2f} s, {median(d.sent for d in bare[1:]) / 1e6:.2f} MB", f"{loop / seconds:.2f} x"),
        Row("one config.json (median, longest of the public ones)",
            f"{typical:.2f} ms, {longest:.2f} ms; aim {AIM_CONFIG_MILLISECONDS:.0f}, "
            f"{_told(longest <= AIM_CONFIG_MILLISECONDS)}", "–"),
    ]  # fmt: skip


def _told(is_met: bool) -> str:
    return "met" if is_met else "missed"


@contextmanager
def _slow_hub(folder: Path) -> Iterator[str]:
    """A hub behind the link: gives the URL at its far end."""
    ports = [str(port) for port in _free_ports(2)]
    with child_hub(folder, "--port", ports[0], "--store-port", ports[1], "--advertised-host", _FAR) as url:
        command = [
            sys.executable,
            "-m",
            "tests.benchmarks.slow_link",
            _FAR,
            _NEAR,
            str(ROUND_TRIP_MILLISECONDS),
            *ports,
        ]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as link:
            try:
                assert link.stdout is not None
                link.stdout.readline()
                yield url
            finally:
                link.terminate()


def _free_ports(count: int) -> list[int]:
    opened = [socket.create_server((_NEAR, 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in opened]
    for each in opened:
        each.close()
    return ports


def _sent(url: str) -> int:
    with urllib.request.urlopen(f"{url}/.admin/counters") as answer:
        return int(sum(json.load(answer)["bytes"].values()))


def _run(command: list[str], url: str) -> _Done:
    before = _sent(url)
    with tempfile.TemporaryDirectory() as home:
        environment = {"HF_ENDPOINT": url, "OME_HOME": home, "HF_HOME": home}
        seconds, peak = _output([sys.executable, "-c", _PEAK, *command], environment).split()
    return _Done(float(seconds), float(peak) / 1024, _sent(url) - before)


_PEAK = """
import resource, subprocess, sys
print(subprocess.run(sys.argv[1:], check=True, stdout=subprocess.PIPE, text=True).stdout.strip())
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
"""Runs a command in a small process, as a child begins with the memory of who starts it."""


def _output(command: list[str], environment: dict[str, str]) -> str:
    inherited = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])} | environment
    return subprocess.run(command, env=inherited, check=True, stdout=subprocess.PIPE, text=True).stdout
