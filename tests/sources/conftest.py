"""A harness for each test, its server for the session, and an environment with no credentials but the harness's."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.sources.background import Background
from tests.sources.harness import SourceHarness
from tests.sources.harnesses import HARNESSES, HarnessKind, OpenModel, load

CREDENTIALS = (
    "AWS_", "GOOGLE_", "STORAGE_EMULATOR_", "AZURE_", "OCI_", "OME_OCI_", "OME_REGISTRY_", "REGISTRY_", "DOCKER_",
    "GITHUB_", "GH_", "HF_", "HUGGING_FACE_",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out a test of a capability that no source has which is switched on: there is nothing to run."""
    items[:] = [item for item in items if not _is_for_no_source(item)]
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(1500))  # the first of a store waits for its server to be built


def _is_for_no_source(item: pytest.Item) -> bool:
    parameters = getattr(getattr(item, "callspec", None), "params", {})
    is_of_the_suite = item.path.is_relative_to(Path(__file__).parent) and "harness" in parameters
    return is_of_the_suite and not isinstance(parameters["harness"], str)


@pytest.fixture(scope="session")
def background() -> Background:
    """The event loop that test servers run in."""
    return Background()


@pytest.fixture(scope="session")
def models(background: Background, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, OpenModel]]:
    """Sources whose server runs, by name; `harness` starts one when it is first wanted."""
    with ExitStack() as stack:
        yield _Servers(background, tmp_path_factory, stack)


class _Servers(dict[str, OpenModel]):
    def __init__(self, background: Background, folders: pytest.TempPathFactory, stack: ExitStack) -> None:
        super().__init__()
        self._background, self._folders, self._stack = background, folders, stack
        self._home = os.environ["HOME"]

    def __missing__(self, name: str) -> OpenModel:
        folder = self._folders.mktemp("server")
        with pytest.MonkeyPatch.context() as patched:
            patched.setenv("HOME", self._home)  # where the servers that were built are; the test has another one
            self[name] = self._stack.enter_context(_kind(name).serve(self._background, folder))
        return self[name]


def _kind(name: str) -> HarnessKind:
    return load(HARNESSES.get(name, name))


@pytest.fixture(autouse=True)
def quick_and_unknown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Retries that cost no time, a reserve that a small disk can hold, and nobody's credentials."""
    for name in os.environ:
        if name.startswith(CREDENTIALS):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("OME_BACKOFF_SECONDS", "0.01")
    monkeypatch.setenv("OME_DISK_RESERVE", "1Mi")


@pytest.fixture
def harness(
    request: pytest.FixtureRequest,
    models: dict[str, OpenModel],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    quick_and_unknown: None,
) -> Iterator[SourceHarness]:
    """An empty model at the source that the test is parametrized with, in that source's environment."""
    (tmp_path / "source").mkdir()
    harness = models[request.param](tmp_path / "source")
    for name, value in harness.environment.items():
        monkeypatch.setenv(name, value)
    yield harness
    harness.allow()
