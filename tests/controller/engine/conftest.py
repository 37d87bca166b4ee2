"""The API server that the engine's tests share, with definitions of their own."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.apiserver.fixture import ApiServer
from tests.controller.engine.custom_resources import install
from tests.controller.engine.leading import prepare
from tests.controller.engine.process import ControllerProcess

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def engine_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """An API server that knows the kinds."""
    with ApiServer(tmp_path_factory.mktemp("engine-server")) as server:
        install(server)
        yield server


@pytest.fixture(scope="session")
def released_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """An API server with the released definitions, and all that the lives of `lives` need."""
    folder = tmp_path_factory.mktemp("released-server")
    with ApiServer(folder) as server:
        prepare(server, folder)
        yield server


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[ApiServer]:
    """The same for one test that kills it."""
    with ApiServer(tmp_path / "server") as server:
        install(server)
        yield server


@pytest.fixture
def name() -> str:
    """A name that no other test has."""
    return f"m{next(_NUMBERS)}"


Start = Callable[..., ControllerProcess]


@pytest.fixture
def start(engine_server: ApiServer, tmp_path: Path) -> Iterator[Start]:
    """Starts controllers on the shared API server; whatever still runs is killed at the test's end."""
    started: list[ControllerProcess] = []

    def begin(*arguments: str, kubeconfig: Path = engine_server.kubeconfig) -> ControllerProcess:
        log = tmp_path / f"controller-{len(started)}.log"
        started.append(ControllerProcess(kubeconfig, log, *arguments))
        return started[-1]

    yield begin
    for each in started:
        each.kill()
