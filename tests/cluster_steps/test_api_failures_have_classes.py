"""What the API server refuses, and when it does not answer: classed errors with its words, after patient retries."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from steps.cluster.api import PAGE, ClusterApi, open_api
from steps.cluster.connections import connections
from steps.cluster.refusals import ConflictError, refusal
from steps.cluster.resource_types import CONFIG_MAP, NODE
from steps.cluster.resources import ClusterResources
from steps.errors import AuthError, ClusterError, InvalidInputError, NotFoundError, OmeError, UnsupportedError
from steps.resources import Resource
from tests.apiserver.fixture import ApiServer
from tests.cluster_steps.cluster import Cluster, config_map, token_of
from tests.cluster_steps.models import NAME


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Retries that cost no time; no client of another test."""
    monkeypatch.setenv("OME_BACKOFF_SECONDS", "0.001")
    open_api.cache_clear()
    yield
    open_api.cache_clear()


@pytest.fixture
def pod(prepared: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This process as a pod of the account that deploys; gives the folder with its token."""
    (tmp_path / "token").write_text(prepared.service_account_token("ome", "ome-deploy"))
    (tmp_path / "ca.crt").write_bytes(prepared.certificate_authority.read_bytes())
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", prepared.url.rpartition(":")[2])
    monkeypatch.setenv("OME_SERVICE_ACCOUNT", str(tmp_path))
    monkeypatch.setenv("OME_CLUSTER_NAMESPACE", "ome")
    monkeypatch.delenv("KUBECONFIG", raising=False)
    return tmp_path


def test_a_missing_right_names_verb_resource_and_account(pod: Path) -> None:
    with pytest.raises(
        AuthError, match="service account ome/ome-deploy may not create configmaps in namespace ome"
    ) as e:
        open_api().create(CONFIG_MAP, config_map("mine"))
    check = "kubectl auth can-i create configmaps -n ome --as=system:serviceaccount:ome:ome-deploy"
    assert check in e.value.remedy
    with pytest.raises(AuthError, match="may not delete nodes in the whole cluster"):
        open_api().delete(NODE, "any")


def test_a_token_is_read_again_at_each_call(pod: Path) -> None:
    token = (pod / "token").read_text()
    (pod / "token").write_text("stale")
    with pytest.raises(AuthError, match="does not know this pod's service account"):
        list(open_api().list(NODE))
    (pod / "token").write_text(token)
    list(open_api().list(NODE))


def test_without_a_way_to_the_api_server_the_missing_part_is_named(pod: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (pod / "token").unlink()
    with pytest.raises(ClusterError, match=f"{pod}/token does not exist") as caught:
        open_api()
    assert "automountServiceAccountToken" in caught.value.remedy
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST")
    with pytest.raises(ClusterError, match="KUBERNETES_SERVICE_HOST is not set"):
        open_api()


def test_a_kubeconfig_will_do_too(prepared: ApiServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KUBECONFIG", str(prepared.kubeconfig))
    assert open_api().find(CONFIG_MAP, "kube-root-ca.crt", "none") is None
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "missing"))
    open_api.cache_clear()
    with pytest.raises(InvalidInputError, match="missing"):
        open_api()


def test_lists_are_read_to_their_end(prepared: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(prepared.kubeconfig))
    namespace = prepared.new_namespace("pages")
    names = [f"page-{number:04}" for number in range(PAGE + 2)]
    for name in names:
        document = config_map(name)
        document["metadata"]["namespace"] = namespace
        prepared.admin.create(document)
    found = list(open_api().list(CONFIG_MAP, namespace))
    assert [item["metadata"]["name"] for item in found] == names
    assert {(item["kind"], item["apiVersion"]) for item in found} == {("ConfigMap", "v1")}


def test_an_update_is_made_again_upon_what_others_have_written(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(cluster.server.kubeconfig))
    document = cluster.make("ClusterBaseModel", "tiny", {"storage": {"storageUri": NAME}})
    resources = ClusterResources()
    seen: list[str] = []

    def change(old: Resource | None) -> Resource:
        assert old is not None
        seen.append(old["spec"].get("vendor", ""))
        if len(seen) == 1:
            cluster.admin.patch(document, {"spec": {"vendor": "acme"}})
        return {**old, "spec": {**old["spec"], "displayName": "Tiny"}}

    resources.update("ClusterBaseModel", "tiny", "", change)
    spec = resources.get("ClusterBaseModel", "tiny")["spec"]
    assert seen == ["", "acme"]
    assert (spec["vendor"], spec["displayName"]) == ("acme", "Tiny")
    assert resources.delete("ClusterBaseModel", "tiny")
    assert not resources.delete("ClusterBaseModel", "tiny")
    with pytest.raises(NotFoundError, match='ClusterBaseModel "tiny" does not exist'):
        resources.get("ClusterBaseModel", "tiny")


def test_apply_leaves_what_others_have_set_and_every_status(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(cluster.server.kubeconfig))
    cluster.make("ClusterBaseModel", "tiny", {"storage": {"storageUri": NAME}, "vendor": "acme"})
    document: Resource = {"apiVersion": "ome.io/v1beta1", "kind": "ClusterBaseModel", "metadata": {"name": "tiny"}}
    document |= {"spec": {"storage": {"storageUri": "hf://acme/new"}}, "status": {"state": "Ready"}}
    applied = ClusterResources().apply(document)
    assert applied["spec"] == {"storage": {"storageUri": "hf://acme/new"}, "vendor": "acme"}
    assert "status" not in applied


def test_a_step_waits_for_an_api_server_that_restarts(cluster: Cluster, tmp_path: Path) -> None:
    """The real thing on a server of its own: killed before the step starts, back while it tries."""
    with ApiServer(tmp_path / "own-server") as server:
        server.admin.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ome"}})
        own = Cluster(server, cluster.hub, cluster.folder / "own", cluster.bytecode)
        token_of(server, "ome-import")  # while it can be asked for one
        server.kill_api_server()
        digest = "0" * 64
        gone = own.run("parse-model", manifest=digest)
        assert (gone.code, gone.failure["code"]) == (21, "cluster")
        assert f"the API server at {server.url} does not answer" in gone.failure["message"]
        pod = own.folder / "waiting"
        waiting = own.start("parse-model", pod, "node-a", {"OME_BACKOFF_SECONDS": "2"}, {"manifest": digest})
        server.restart()
        log, _ = waiting.communicate(timeout=60)
        assert "may not get configmaps" in log, "it answered, and this account has no rights there"


@contextmanager
def answering(*answers: tuple[int, dict[str, str], bytes]) -> Iterator[tuple[ClusterApi, list[str]]]:
    """A server that gives these answers in turn, the last one for ever; and the requests that it got."""
    left, asked = list(answers), []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            status, headers, body = left.pop(0) if len(left) > 1 else left[0]
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 - the name that http.server calls

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield ClusterApi(f"http://127.0.0.1:{server.server_port}", connections()), asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_what_may_pass_is_asked_again(status: int) -> None:
    with answering((status, {"Retry-After": "0"}, b""), (status, {}, b""), (200, {}, b'{"kind": "Node"}')) as (
        server,
        asked,
    ):
        assert server.get(NODE, "a") == {"kind": "Node"}
    assert len(asked) == 3


def test_an_api_server_that_starts_is_asked_again_before_a_right_is_called_missing(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("of-a-pod")
    with answering(
        (403, {}, b""), (403, {}, b""), (500, {}, b""), (200, {}, b"ok"), (200, {}, b'{"kind": "Node"}')
    ) as (server, asked):  # the roles are not read; nor for the question whether it is ready, which it then is
        pod = ClusterApi(server.server, connections(), token_file=tmp_path / "token")
        assert pod.get(NODE, "a") == {"kind": "Node"}
    assert len(asked) == 5


@pytest.mark.parametrize(
    ("status", "kind", "retries"),
    [
        (400, InvalidInputError, False), (401, AuthError, False), (403, AuthError, False), (404, NotFoundError, False),
        (409, ConflictError, False), (413, UnsupportedError, False), (422, InvalidInputError, False),
        (503, ClusterError, True),
    ],
)  # fmt: skip
def test_each_refusal_has_a_class_and_the_servers_words(status: int, kind: type[OmeError], retries: bool) -> None:
    body = json.dumps({"kind": "Status", "message": "spec.x: Invalid value"}).encode()
    with (
        answering((status, {}, body)) as (server, asked),
        pytest.raises(kind, match="spec.x: Invalid value") as caught,
    ):
        server.get(NODE, "a")
    assert caught.value.remedy
    assert (len(asked) > 1) == retries == caught.value.retryable or kind is ConflictError


@pytest.mark.parametrize("answer", [b"", b"<html>login</html>", b"[1, 2]", "\udcff".encode("utf-8", "surrogatepass")])
def test_answers_that_are_no_status_are_still_errors(answer: bytes) -> None:
    assert isinstance(refusal("GET", "/x", 418, answer), InvalidInputError)


def test_an_answer_that_is_not_json_is_said() -> None:
    with (
        answering((200, {}, b"<html>log in first</html>")) as (server, _),
        pytest.raises(ClusterError, match="log in"),
    ):
        server.get(NODE, "a")


def test_nothing_is_followed_to_another_server() -> None:
    with answering((302, {"Location": "http://127.0.0.1:1/"}, b"")) as (server, asked), pytest.raises(OmeError):
        server.get(NODE, "a")
    assert len(asked) == 1
