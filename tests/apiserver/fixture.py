"""A real API server with its etcd and nothing else, on loopback, without root: what a controller talks to.

The session fixture `api_server` starts one for all tests that ask for it; tests that kill or restart one start their
own with `ApiServer`. Nothing deletes in the background: without a controller manager, a namespace that is deleted
stays Terminating and owned objects stay, so tests use names of their own (`new_namespace`). Objects are admitted as
usual, except that pods need no service account.
"""

import contextlib
import ctypes
import itertools
import json
import os
import secrets
import signal
import socket
import ssl
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest

from crds.definition import definitions
from steps.errors import UnsupportedError
from tests.apiserver.client import ApiClient, ApiRefusedError, Object
from tests.cluster.binaries import ensure
from tests.cluster.processes import MEMORY_FOR_TIME
from tests.not_run import not_run

__all__ = ["ApiServer", "api_server", "ome_api_server"]

_PATIENCE_SECONDS = 60
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


class ApiServer:
    """One API server with RBAC, its data in a folder; use it as a context, or `start` and `stop` it.

    Attributes:
        folder: Data, certificates, logs (`kube-apiserver.log`, `etcd.log`) and kubeconfig files.
        url: `https://127.0.0.1:<port>`; the same after `restart`.
        certificate_authority: For clients that check the certificate, as they should.
        admin_token: Bearer token of a member of `system:masters`.
        kubeconfig: Of the same user.
    """

    def __init__(self, folder: Path) -> None:
        self._binaries = _binaries()
        self.folder = folder
        self.admin_token = secrets.token_urlsafe(16)
        self.certificate_authority = folder / "certs" / "apiserver.crt"
        self.kubeconfig = folder / "admin.conf"
        self.url = ""
        self._port = 0
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._admin: ApiClient | None = None
        self._numbers = itertools.count(1)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def admin(self) -> ApiClient:
        """A client that may do everything."""
        assert self._admin is not None, "the API server was not started"
        return self._admin

    def start(self) -> None:
        """Start etcd and the API server on free ports; returns when the API server is ready."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "tokens.csv").write_text(f"{self.admin_token},admin,admin,system:masters\n")
        self._port, self._etcd_port = _free_ports(2)
        self.url = f"https://127.0.0.1:{self._port}"
        try:
            etcd = f"http://127.0.0.1:{self._etcd_port}"
            self._run(
                "etcd", f"--data-dir={self.folder}/etcd", "--unsafe-no-fsync", "--log-level=warn",
                f"--listen-client-urls={etcd}", f"--advertise-client-urls={etcd}",
                "--listen-peer-urls=http://127.0.0.1:0",
            )  # fmt: skip
            self._start_api_server()
        except BaseException:
            self.stop()
            raise
        self.write_kubeconfig(self.kubeconfig, self.admin_token)

    def restart(self) -> None:
        """Kill the API server (SIGKILL) and start it again on the same port and data; etcd goes on."""
        self.kill_api_server()
        self._start_api_server()

    def kill_api_server(self) -> None:
        """End the API server at once: open watches are cut, connections are refused until `restart`."""
        self._kill("kube-apiserver")

    def forget_versions(self) -> None:
        """Have etcd forget all versions but the newest, and the API server too: watches from older ones get 410."""
        newest = self._ask_etcd("range", {"key": "AA==", "limit": "1"})["header"]["revision"]
        self._ask_etcd("compaction", {"revision": newest, "physical": True})
        self.restart()

    def stop(self) -> None:
        """End both processes; the folder stays."""
        for name in ("kube-apiserver", "etcd"):
            self._kill(name)

    def pid(self, name: str) -> int:
        """Process id of `kube-apiserver` or `etcd`."""
        return self._processes[name].pid

    def new_namespace(self, prefix: str = "test") -> str:
        """Make a namespace that no other test has, and give its name."""
        name = f"{prefix}-{next(self._numbers)}"
        self.admin.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        return name

    def define(self, *definitions: Object) -> None:
        """Apply CustomResourceDefinitions; returns when the objects they define can be listed and written."""
        for definition in definitions:
            self.admin.apply(definition)
        for definition in definitions:
            spec = definition["spec"]
            versions = [version["name"] for version in spec["versions"] if version["served"]]
            paths = [f"/apis/{spec['group']}/{version}/{spec['names']['plural']}" for version in versions]
            deadline = time.monotonic() + _PATIENCE_SECONDS
            while not all(self._is_served(path) for path in paths):
                if time.monotonic() > deadline:
                    raise RuntimeError(
                        f"{paths} are not served: {self.admin.get(definition)['status']}\n{self.logs()}"
                    )

    def service_account_token(self, namespace: str, name: str, seconds: int = 3600) -> str:
        """A token of a service account, which is made when it is not there; its rights are what RBAC gives it."""
        account: Object = {
            "apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"namespace": namespace, "name": name},
        }  # fmt: skip
        self.admin.apply(account)
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": seconds},
        }
        answer = self.admin.request("POST", f"{self.admin.path_of(account)}/token", request)
        return str(answer["status"]["token"])

    def kubeconfig_of(self, namespace: str, name: str) -> Path:
        """A kubeconfig file of a service account, as `service_account_token` makes it."""
        path = self.folder / f"{namespace}-{name}.conf"
        self.write_kubeconfig(path, self.service_account_token(namespace, name), namespace)
        return path

    def write_kubeconfig(self, path: Path, token: str, namespace: str = "default") -> None:
        """Write a kubeconfig for a token."""
        cluster = {"server": self.url, "certificate-authority": str(self.certificate_authority)}
        context = {"cluster": "test", "user": "test", "namespace": namespace}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "test", "user": {"token": token}}],
            "contexts": [{"name": "test", "context": context}],
        }
        path.write_text(json.dumps(config, indent=1))

    def logs(self) -> str:
        """Where the logs are, and the end of each."""
        ends = []
        for name in ("etcd", "kube-apiserver"):
            path = self.folder / f"{name}.log"
            lines = path.read_text(errors="replace").splitlines()[-15:] if path.exists() else []
            ends.append("\n".join([f"--- {path}", *lines]))
        return "\n".join(ends)

    def _start_api_server(self) -> None:
        key = self.folder / "certs" / "apiserver.key"  # the server makes its own; it signs accounts' tokens too
        self._run(
            "kube-apiserver", f"--etcd-servers=http://127.0.0.1:{self._etcd_port}",
            "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", f"--secure-port={self._port}",
            "--endpoint-reconciler-type=none", "--service-cluster-ip-range=10.96.0.0/16",
            f"--cert-dir={self.folder}/certs", f"--token-auth-file={self.folder}/tokens.csv",
            "--authorization-mode=RBAC", "--disable-admission-plugins=ServiceAccount",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={key}", f"--service-account-signing-key-file={key}",
        )  # fmt: skip
        deadline = time.monotonic() + _PATIENCE_SECONDS
        process = self._processes["kube-apiserver"]
        while not self._is_ready():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
            if process.returncode is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the API server did not become ready\n{self.logs()}")

    def _is_ready(self) -> bool:
        try:
            context = ssl.create_default_context(cafile=self.certificate_authority)
            client = ApiClient(self._port, context, self.admin_token)
            client.text("GET", "/readyz")
        except Exception:  # noqa: BLE001 - whatever is wrong, it is not ready; the log says why it never was
            return False
        self._admin = client
        return True

    def _is_served(self, path: str) -> bool:
        try:
            self.admin.request("GET", f"{path}?limit=1")
        except ApiRefusedError as refusal:
            if refusal.status not in (404, 429, 503):
                raise
            return False
        return True

    def _ask_etcd(self, call: str, body: Object) -> Object:
        request = urllib.request.Request(f"http://127.0.0.1:{self._etcd_port}/v3/kv/{call}", json.dumps(body).encode())  # noqa: S310 - loopback
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - the same
            found: Object = json.load(answer)
            return found

    def _run(self, name: str, *flags: str) -> None:
        program = self._binaries / name
        # The kernel ends a child with the thread that started it, so only the main thread may ask for that.
        die_with_parent = threading.current_thread() is threading.main_thread()
        with (self.folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                [program, *flags], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={"PATH": os.defpath, "HOME": str(self.folder)} | MEMORY_FOR_TIME, start_new_session=True,
                preexec_fn=_end_with_parent if die_with_parent else None,
            )  # fmt: skip

    def _kill(self, name: str) -> None:
        process = self._processes.pop(name, None)
        if process is not None:
            process.kill()
            process.wait()


@pytest.fixture(scope="session")
def api_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """A running API server for all tests of this session."""
    with ApiServer(tmp_path_factory.mktemp("api-server")) as server:
        yield server


@pytest.fixture(scope="session")
def ome_api_server(api_server: ApiServer) -> ApiServer:
    """The same one, with our eight kinds defined."""
    api_server.define(*definitions())
    return api_server


def _binaries() -> Path:
    """The folder with the programs, built when they are not there yet.

    Where they cannot be built, for want of a Go toolchain, the test is not run.
    """
    try:
        return ensure("etcd", "kube-apiserver")
    except UnsupportedError as error:
        not_run(f"an API server, and {error.message}", error.remedy)


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]


def _end_with_parent() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
