"""Eight nodes and one source, each with a link of its own of one rate: a swarm, beside each for itself and `hf`.

Every node, and the hub, is a network namespace at a switch that is one too; its link is shaped in both directions
(`tc` with a token bucket). Needs root and Linux. What the hub sent is counted by the hub.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from steps.sources.paths import MARKER
from tests.benchmarks.table import Row

NODES = 8
RUNS = 3
FILES = 4
SIZE = 40 << 20
LINK_MEBIBYTES = 5
MODEL = "acme/shared"
HEADS = (
    f"{NODES} nodes, {LINK_MEBIBYTES} MiB/s each, {FILES} x {SIZE >> 20} MiB",
    "seconds",
    "time of one node; bytes of one model from the source",
)
AIM_TIME, AIM_BYTES = 1.5, 1.1
_SWITCH, _HUB = "ome-bench-switch", "ome-bench-hub"
_PORT = 7543


@dataclass(frozen=True)
class Measured:
    """A run.

    Attributes:
        seconds: Until the slowest node had the model, from its own beginning: its first, of one that is started anew.
        until_last: Seconds from the first node's beginning until the last had all.
        sent: By the hub, in bytes.
    """

    seconds: float
    until_last: float
    sent: int


def swarm_figures() -> list[Row]:
    """The rows of the table."""
    with tempfile.TemporaryDirectory(prefix="ome-bench-", dir="/dev/shm") as name, network() as hub_address:
        folder = Path(name)
        for number in range(FILES):
            path = folder / "hub" / MODEL / f"model-{number:05}.safetensors"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(os.urandom(SIZE))
        with _hub(folder, hub_address) as url:
            bench = Bench(folder, url)
            one = bench.run([_Start(0, "direct")])
            rows = [("one node", one)]
            rows.append(("each for itself", bench.run([_Start(n, "direct") for n in range(NODES)])))
            rows.append(("each with `hf download`", bench.run([_Start(n, "hf") for n in range(NODES)])))
            swarms = [bench.run([_Start(n, "swarm") for n in range(NODES)]) for _ in range(RUNS)]
            middle = Measured(
                median(s.seconds for s in swarms),
                median(s.until_last for s in swarms),
                int(median(s.sent for s in swarms)),
            )
            rows.append((f"a swarm, median of {RUNS}", middle))
            harder = [_Start(n, "swarm") for n in range(NODES - 1)] + [_Start(NODES - 1, "swarm", begins_at=0.5)]
            rows.append(("a swarm, one killed half-way and started anew, one late", bench.run(harder, killed=1)))
    return [_row(what, measured, one) for what, measured in rows]


def _row(what: str, measured: Measured, one: Measured) -> Row:
    times, share = measured.seconds / one.seconds, measured.sent / (FILES * SIZE)
    aims = f" (aims {AIM_TIME} and {AIM_BYTES})" if what.startswith("a swarm") else ""
    until_last = f"; {measured.until_last:.1f} until the late one had all" if what.endswith("late") else ""
    return Row(what, f"{measured.seconds:.1f}{until_last}", f"{times:.2f}; {share:.2f}{aims}")


@dataclass(frozen=True)
class _Start:
    """A node, how it fetches, and when it begins: at which share of the model that the hub has sent."""

    node: int
    way: str
    begins_at: float = 0.0


class Bench:
    """Nodes that fetch the model from a hub.

    Args:
        folder: Holds what they fetch.
        url: Of the hub.
    """

    def __init__(self, folder: Path, url: str) -> None:
        self._folder = folder
        self._url = url
        self._manifest = self._resolve()

    def run(self, starts: Sequence[_Start], killed: int = -1) -> Measured:
        """Start the nodes with empty models roots, and wait for all of them.

        Args:
            starts: Which nodes.
            killed: One that is killed when half of the model has been sent, and started anew at once; -1 for none.
        """
        for start in starts:
            shutil.rmtree(self._folder / f"node-{start.node}", ignore_errors=True)
        before = self._sent()
        running: dict[int, subprocess.Popen[str]] = {}
        began: dict[int, float] = {}
        ended: dict[int, float] = {}

        def begin(start: _Start) -> None:
            began.setdefault(start.node, time.monotonic())
            running[start.node] = self._start(start)

        for start in starts:
            if not start.begins_at:
                begin(start)
        late = [start for start in starts if start.begins_at]
        while late or running:
            share = (self._sent() - before) / (FILES * SIZE) if late or killed >= 0 else 1.0
            if killed >= 0 and share >= 0.5:
                running[killed].kill()
                running[killed].communicate()
                begin(starts[killed])
                killed = -1
            for start in [start for start in late if share >= start.begins_at]:
                late.remove(start)
                begin(start)
            for node, process in list(running.items()):
                if process.poll() is None:
                    if (self._folder / f"node-{node}" / "models" / "model" / MARKER).exists():
                        ended.setdefault(node, time.monotonic())  # it has all, and gives to others
                    continue
                ended.setdefault(node, time.monotonic())
                del running[node]
                _, errors = process.communicate()
                if process.returncode != 0:
                    raise RuntimeError(errors)
            time.sleep(0.1)
        return Measured(
            seconds=max(ended[node] - began[node] for node in began),
            until_last=max(ended.values()) - min(began.values()),
            sent=self._sent() - before,
        )

    def _start(self, start: _Start) -> "subprocess.Popen[str]":
        root = self._folder / f"node-{start.node}"
        root.mkdir(exist_ok=True)
        inside = ["ip", "netns", "exec", f"ome-bench-{start.node}"]
        environment = os.environ | {"HF_ENDPOINT": self._url, "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
        if start.way == "hf":
            command = [str(Path(sys.executable).parent / "hf"), "download", MODEL, "--local-dir", str(root / "model")]
            environment |= {"HF_HOME": str(root / "hf")}
        else:
            given = {"manifest": self._manifest, "name": "model", "distribution": start.way}
            parameters = root / "parameters.json"
            parameters.write_text(json.dumps([{"name": name, "value": value} for name, value in given.items()]))
            command = [sys.executable, "-m", "steps", "cache-model", str(parameters)]
            environment |= {
                "OME_STEP_ROOT": str(root),
                "OME_HOME": str(self._folder / "home"),
                "OME_MODELS_ROOT": str(root / "models"),
                "OME_DISK_RESERVE": "1Mi",
                "OME_PEERS": ",".join(f"{_address(node)}:{_PORT}" for node in range(NODES)),
                "OME_PEER_KEY": "of the benchmark",
            }
        return subprocess.Popen(
            [*inside, *command], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )

    def _resolve(self) -> str:
        program = (
            "import sys; from steps.manifest_store import save_manifest; from steps.sources import *; "
            "print(save_manifest(open_source(sys.argv[1]).resolve(ResolveOptions())))"
        )
        environment = os.environ | {"HF_ENDPOINT": self._url, "OME_HOME": str(self._folder / "home")}
        command = ["ip", "netns", "exec", _HUB, sys.executable, "-c", program, f"hf://{MODEL}"]
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.strip()

    def _sent(self) -> int:
        """What the hub has sent of files so far, in bytes."""
        program = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1]).read().decode())"
        command = ["ip", "netns", "exec", _HUB, sys.executable, "-S", "-c", program, f"{self._url}/.admin/counters"]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return int(sum(json.loads(said)["bytes"].values()))


def _address(node: int) -> str:
    return f"10.77.0.{10 + node}"


@contextmanager
def network() -> Iterator[str]:
    """The nodes' namespaces and the hub's at one switch; gives the hub's address. All of it goes at the end."""
    names = [_HUB, *(f"ome-bench-{node}" for node in range(NODES))]
    addresses = ["10.77.0.2", *(_address(node) for node in range(NODES))]
    _remove([_SWITCH, *names])
    try:
        _ip("netns", "add", _SWITCH)
        _ip("-n", _SWITCH, "link", "add", "bridge", "type", "bridge")
        _ip("-n", _SWITCH, "link", "set", "bridge", "up")
        for number, (name, address) in enumerate(zip(names, addresses, strict=True)):
            _ip("netns", "add", name)
            _ip("-n", _SWITCH, "link", "add", f"port{number}", "type", "veth", "peer", "name", "eth0", "netns", name)
            _ip("-n", _SWITCH, "link", "set", f"port{number}", "master", "bridge", "up")
            _ip("-n", name, "address", "add", f"{address}/24", "dev", "eth0")
            for device in ("lo", "eth0"):
                _ip("-n", name, "link", "set", device, "up")
            for place, device in ((name, "eth0"), (_SWITCH, f"port{number}")):
                rate = f"{LINK_MEBIBYTES * 8 * (1 << 20)}bit"
                subprocess.run(["tc", "-n", place, "qdisc", "add", "dev", device, "root", "tbf", "rate", rate,
                                "burst", "128kb", "latency", "100ms"], check=True)  # fmt: skip
        yield addresses[0]
    finally:
        _remove([_SWITCH, *names])


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


def _remove(names: Sequence[str]) -> None:
    for name in names:
        with suppress(subprocess.CalledProcessError):
            subprocess.run(["ip", "netns", "delete", name], check=True, stderr=subprocess.DEVNULL)


@contextmanager
def _hub(folder: Path, address: str) -> Iterator[str]:
    command = ["ip", "netns", "exec", _HUB, sys.executable, "-m", "tests.hub", "--folder", str(folder / "hub"),
               "--host", address, "--digest-cache", str(folder / "digests.json")]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert urlsplit(url).hostname == address
            yield url
        finally:
            process.terminate()
