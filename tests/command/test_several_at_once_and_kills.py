"""Two `ome` at once, and one that is killed: state stays whole, and the next command goes on."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command.run_ome import ome
from tests.hub.fixture import RunningHub, running_hub
from tests.hub.server import HubOptions

SIZE = 24 << 20
URI = "hf://acme/small"


@pytest.fixture
def slow_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningHub]:
    """A hub with one model of 24 MiB, at a pace that leaves time to interrupt."""
    (tmp_path / "hub").mkdir()
    with running_hub(HubOptions(tmp_path / "hub", bytes_per_second=12 << 20)) as hub:
        tensors = {
            "model.embed_tokens.weight": {"dtype": "F32", "shape": [SIZE // 256, 64], "data_offsets": [0, SIZE]}
        }
        header = json.dumps(tensors).encode()
        config = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 64}
        hub.add(
            "acme/small",
            {
                "config.json": json.dumps(config).encode(),
                "model.safetensors": len(header).to_bytes(8, "little") + header + bytes(range(256)) * (SIZE // 256),
            },
        )
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        yield hub


def start(*arguments: str) -> subprocess.Popen[str]:
    """`ome` in the background."""
    command = [sys.executable, "-m", "pipelines.command", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for_line(process: subprocess.Popen[str], words: str) -> str:
    """Read a process's standard error until a line has these words; what was read."""
    assert process.stderr is not None
    seen = ""
    for line in process.stderr:
        seen += line
        if words in line:
            return seen
    raise AssertionError(f"{words!r} never came:\n{seen}")


def test_two_imports_of_one_model_at_once_both_succeed_and_fetch_it_once(slow_hub: RunningHub, ome_home: Path) -> None:
    both = [start("import", URI, "-o", "json") for _ in range(2)]
    for process in both:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        assert json.loads(out)["status"]["state"] == "Ready"
    fetched = slow_hub.ledger.counts().total_bytes
    assert fetched < 1.5 * SIZE, "the second waited for the first instead of fetching again"
    assert (ome_home / "models" / "small" / "model.safetensors").stat().st_size > SIZE


def test_a_killed_import_is_seen_as_interrupted_and_its_retry_goes_on(slow_hub: RunningHub) -> None:
    process = start("import", URI)
    wait_for_line(process, "Resolve the model")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    (run,) = json.loads(ome("runs", "list", "-o", "json").stdout)
    assert run["phase"] in ("Running", "Interrupted"), "the record is whole"
    (listed,) = [line for line in ome("runs", "list").stdout.splitlines() if run["run"] in line]
    assert "Interrupted" in listed
    retried = ome("runs", "retry", run["run"])
    assert retried.returncode == 0, retried.stderr
    assert "kept from before: resolve" in retried.stderr
    assert json.loads(ome("get", "cbm", "small", "-o", "json").stdout)["status"]["state"] == "Ready"


def test_applies_at_once_lose_nothing() -> None:
    runtime = "{{apiVersion: ome.io/v1beta1, kind: ClusterServingRuntime, metadata: {{name: r{0}}}, spec: {{}}}}"
    processes = []
    for number in range(6):
        process = subprocess.Popen(
            [sys.executable, "-m", "pipelines.command", "apply", "-f", "-"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdin is not None
        process.stdin.write(runtime.format(number))
        process.stdin.close()
        processes.append(process)
    for process in processes:
        with process:
            assert process.wait() == 0, process.stderr.read() if process.stderr else ""
    names = {r["metadata"]["name"] for r in json.loads(ome("get", "runtimes", "-o", "json").stdout)}
    assert {f"r{number}" for number in range(6)} <= names
    assert "vllm" in names, "the examples came too, once"
