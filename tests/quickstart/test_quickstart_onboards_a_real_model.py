"""The first command of the README, twice: the second run finds the model in the cache."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command.run_ome import ome
from tests.quickstart.processes import describe, processes_of

pytestmark = [pytest.mark.quickstart, pytest.mark.timeout(900)]


@pytest.fixture
def home(ome_home: Path, llama_cpp_environment: Path, genai_bench_environment: Path) -> Iterator[Path]:
    """A home with nothing in it; whatever a test leaves running there is stopped."""
    yield ome_home
    ome("down")


def test_a_real_model_is_imported_served_asked_and_measured_and_a_second_run_uses_the_cache(
    home: Path, smollm2_gguf: Path
) -> None:
    first = ome("quickstart", "--output", "json")
    assert first.returncode == 0, first.stderr
    summary = json.loads(first.stdout)

    assert summary["fetchedBytes"] >= smollm2_gguf.stat().st_size
    assert summary["facts"]["parameters"]["total"] == 134_515_008
    assert summary["facts"]["format"] == "gguf"
    assert summary["choice"]["runtime"].startswith("llama")
    refused = {r["runtime"]: r["reason"] for r in summary["choice"]["refused"]}
    assert all(reason for reason in refused.values())
    assert any("vllm" in runtime for runtime in refused)
    assert "language model" in summary["answer"].lower(), "the answer comes from the model"

    cells = summary["benchmark"]["cells"]
    assert sum(cell["requests"] for cell in cells) >= 100
    assert all(cell["errorRate"] == 0 and cell["outputTokensPerSecond"] > 0 for cell in cells)
    assert summary["benchmark"]["verdict"] == "Pass"
    report = Path(summary["reportFolder"])
    assert {"report.html", "results.csv", "results.json"} <= {path.name for path in report.iterdir()}
    assert "127.0.0.1" in first.stderr, "the output says that a local hub serves the model"

    answer = ome("ask", summary["endpoint"]["service"], "In one sentence: what is a language model?")
    assert answer.returncode == 0, answer.stderr
    assert "language model" in answer.stdout.lower()

    second = ome("quickstart", "--output", "json")
    assert second.returncode == 0, second.stderr
    again = json.loads(second.stdout)
    assert again["fetchedBytes"] == 0
    assert again["reusedBytes"] >= smollm2_gguf.stat().st_size
    assert "in the cache" in second.stderr

    down = ome("down")
    assert down.returncode == 0, down.stderr
    assert describe(processes_of(home)) == []
    assert any((home / "models").iterdir()), "models stay after `ome down`"

    assert ome("delete", "service", "smollm2").returncode == 0
    deleted = ome("delete", "model", "smollm2-135m-instruct")
    assert deleted.returncode == 0, deleted.stderr
    left = sum(path.stat().st_size for path in (home / "models").rglob("*") if path.is_file())
    assert left < 1_000_000, "a deleted model's bytes are gone"
