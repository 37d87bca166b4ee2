"""A real API server of this area's own, since installing and uninstalling concern the whole cluster."""

import shutil
import subprocess
from collections.abc import Iterator

import pytest
from typer.testing import CliRunner

from steps.errors import OmeError
from tests.apiserver.client import ApiRefusedError
from tests.apiserver.fixture import ApiServer
from tests.cluster.places import binaries_folder
from tests.not_run import not_run


class Cluster:
    """A cluster and the commands that a person runs against it."""

    def __init__(self, server: ApiServer) -> None:
        self.server = server
        self.admin = server.admin

    def ome(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `ome` against it, in this process, since its start takes most; errors as `main` has them."""
        from pipelines.command.main import app

        words = [*arguments, "--kubeconfig", str(self.server.kubeconfig)]
        ran = CliRunner().invoke(app, words, input="")
        if isinstance(ran.exception, OmeError):
            told = f"{ran.exception.message}\n{ran.exception.remedy}"
            return subprocess.CompletedProcess(words, ran.exception.exit_code, ran.stdout, told)
        if ran.exception is not None and not isinstance(ran.exception, SystemExit):
            raise ran.exception
        return subprocess.CompletedProcess(words, ran.exit_code, ran.stdout, ran.stderr)

    def kubectl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run kubectl against it."""
        words = [kubectl_program(), f"--kubeconfig={self.server.kubeconfig}", *arguments]
        return subprocess.run(words, capture_output=True, text=True, check=False, timeout=300)

    def finish_namespace(self) -> None:
        """End the namespace `ome` once it is empty, as a controller manager would, which is not there."""
        try:
            found = self.admin.request("GET", "/api/v1/namespaces/ome")
        except ApiRefusedError:
            return
        found["spec"]["finalizers"] = []
        self.admin.request("PUT", "/api/v1/namespaces/ome/finalize", found)

    def remove(self) -> None:
        """Take everything of ours off it."""
        removed = self.ome("uninstall", "--yes", "--timeout", "0")
        assert removed.returncode == 0, removed.stderr
        assert "still there" not in removed.stdout, "every definition goes, and is waited for"
        self.finish_namespace()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """The API server."""
    with ApiServer(tmp_path_factory.mktemp("install-server")) as started:
        yield started


@pytest.fixture
def cluster(server: ApiServer) -> Iterator[Cluster]:
    """An empty cluster, and empty again after the test."""
    found = Cluster(server)
    yield found
    found.remove()


@pytest.fixture(scope="module")
def installation(server: ApiServer) -> Iterator[Cluster]:
    """A cluster with an installation for all tests of a file."""
    found = Cluster(server)
    made = found.ome("install", "--argo", "bundled", "--no-wait")
    assert made.returncode == 0, made.stderr
    yield found
    found.remove()


def kubectl_program() -> str:
    """kubectl, or the test is not run."""
    return program("kubectl", "make cluster-binaries")


def program(name: str, remedy: str) -> str:
    """A program of the cluster's binaries or on PATH; without it the test is not run."""
    place = binaries_folder() / name
    found = str(place) if place.exists() else shutil.which(name)
    if found is None:
        not_run(f"{name} is neither in {binaries_folder()} nor on PATH", f"Run: {remedy}")
    return found
