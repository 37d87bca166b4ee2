"""What a step makes of its pod: where it may write, how much it says at its end, and what it need not load."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steps.cluster import pod
from steps.contract import CATALOGUE, LONGEST_FAILURE, failure_of
from steps.errors import DoesNotFitError
from steps.home import home
from steps.manifest import FileEntry, Manifest
from steps.progress import Progress, ProgressReporter
from tests.cluster_steps.cluster import Cluster


@pytest.fixture
def place() -> Iterator[Path]:
    """The pods' own place, as any pod has it; what was there before stays."""
    yield pod.HOME
    with contextlib.suppress(OSError):
        pod.HOME.rmdir()


def test_all_that_libraries_write_goes_to_the_pods_own_place(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OME_HOME", "HOME", "XDG_CACHE_HOME", "HF_HOME", "MPLCONFIGDIR"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("OME_CLUSTER_NAMESPACE", "ome")
    assert home() == place
    pod.use_writable_places()
    assert home() == Path.home() == place
    for name in ("XDG_CACHE_HOME", "HF_HOME", "MPLCONFIGDIR"):
        assert Path(os.environ[name]).is_relative_to(place)


def test_one_machine_keeps_its_own_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OME_CLUSTER_NAMESPACE", raising=False)
    before = dict(os.environ)
    pod.use_writable_places()
    assert dict(os.environ) == before


@given(message=st.text(max_size=9000), remedy=st.text(max_size=5000))
def test_a_failure_fits_into_a_termination_message(message: str, remedy: str) -> None:
    failure = failure_of(DoesNotFitError(message, remedy=remedy))
    assert len(failure.model_dump_json().encode()) <= LONGEST_FAILURE
    assert failure.code == "does-not-fit"


def test_a_long_message_keeps_its_beginning_and_end() -> None:
    failure = failure_of(DoesNotFitError("begins" + "é" * 9000 + "ends"))
    assert failure.message.startswith("begins")
    assert failure.message.endswith("ends")
    short = failure_of(DoesNotFitError("too large", remedy="less"))
    assert (short.message, short.remedy) == ("too large", "less")


def test_progress_is_never_more_than_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARGO_PROGRESS_FILE", str(tmp_path / "progress"))
    monkeypatch.delenv("OME_PROGRESS_FILE", raising=False)
    ProgressReporter().report("downloading", 12, 10)
    assert (tmp_path / "progress").read_text() == "10/10"


def test_a_pods_log_tells_bytes_rate_and_what_is_left_every_ten_seconds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("ARGO_PROGRESS_FILE", "OME_PROGRESS_FILE"):
        monkeypatch.delenv(name, raising=False)
    moments = iter(range(100))
    reporter = ProgressReporter(clock=lambda: float(next(moments)))
    for second in range(41):
        reporter.report("downloading", second * 50_000_000, 4_000_000_000)
    assert capsys.readouterr().err.splitlines() == [
        "downloading: 0 B of 4.0 GB",
        "downloading: 500 MB of 4.0 GB, 50 MB/s, 1 min 10 s left",
        "downloading: 1.0 GB of 4.0 GB, 50 MB/s, 1 min 00 s left",
        "downloading: 1.5 GB of 4.0 GB, 50 MB/s, 50 s left",
        "downloading: 2.0 GB of 4.0 GB, 50 MB/s, 40 s left",
    ]


def test_what_is_left_is_told_in_hours_and_never_less_than_nothing() -> None:
    slow = Progress(phase="downloading", completed=0, total=10_000, rate=1.0)
    assert slow.words == "downloading: 0 B of 10 kB, 1 B/s, 2 h 46 min left"
    more = Progress(phase="measuring", completed=12, total=10, unit="requests", rate=2.0)
    assert more.words == "measuring: 12 of 10 requests, 2.0/s, 0.0 s left"
    assert Progress(phase="listing", completed=0, total=0).words == "listing"


@pytest.mark.parametrize("step", [name for name in CATALOGUE])
def test_no_step_loads_what_would_make_its_start_slow(cluster: Cluster, step: str) -> None:
    """`kubernetes` alone takes most of the half second that a step's start may take."""
    code = (
        "import sys; from steps.contract import find_step; from steps.cluster.api import ClusterApi;"
        f"find_step({step!r}); print([m for m in ('kubernetes', 'huggingface_hub', 'aiohttp', 'yaml.nodes')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = done.stdout.strip()
    assert "kubernetes" not in loaded
    assert "huggingface_hub" not in loaded
    assert "aiohttp" not in loaded


def test_a_manifest_beyond_a_config_map_is_refused_with_the_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OME_CLUSTER_NAMESPACE", "ome")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    files = tuple(
        FileEntry(path=f"{n}", size=n, algorithm="sha256", digest=os.urandom(32).hex(), location=os.urandom(32).hex())
        for n in range(20_000)
    )
    from steps.cluster import manifests
    from steps.errors import UnsupportedError

    text = Manifest(uri="hf://a/b", revision="r", files=files).model_dump_json().encode()
    with pytest.raises(UnsupportedError, match=rf"bytes compressed, and a ConfigMap holds {manifests.LARGEST}"):
        manifests.packed("manifest", "0" * 64, text)


def test_a_unknown_field_in_parameters_is_told_to_the_kubelet(cluster: Cluster) -> None:
    ended = cluster.run("evict-model", nmae="tiny")
    assert (ended.code, ended.failure["code"]) == (16, "invalid-input")
    assert json.dumps(ended.failure)
    assert 'parameter "nmae" is unknown' in ended.failure["message"]
    assert ended.outputs == {"freed_bytes": "", "node": ""}
