"""`ome cache … --cluster` and `ome get --cluster` against a real API server, where a hand plays Argo's part."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from pipelines.audit_run import submit_audit
from pipelines.command.main import app
from pipelines.install.connection import connect
from steps.errors import OmeError
from tests.apiserver.client import Object
from tests.command.run_ome import ome
from tests.controller.engine.waiting import until
from tests.controller.plans.argo import step, told
from tests.install.conftest import Cluster

GUIDE = Path(__file__).parents[2] / "docs" / "cluster.md"
WORKFLOWS = "/apis/argoproj.io/v1alpha1/namespaces/ome/workflows"
DIGEST = f"sha256:{'ab' * 32}"
OUTPUTS = {
    "models": "2", "hashed_bytes": "3000000", "faults": "1", "mended": "1", "fetched_bytes": "1000",
    "freed_bytes": "0",
}  # fmt: skip
IMPORTING = {
    "phase": "Downloading", "completedBytes": 12_300_000_000, "totalBytes": 141_200_000_000, "percent": 8,
    "bytesPerSecond": 1_100_000_000, "estimatedCompletionTime": "2026-01-31T10:00:00Z", "nodesReady": "0/2",
    "slowestNode": "node-b", "slowestNodePercent": 5, "slowestNodeBytesPerSecond": 200,
}  # fmt: skip


@pytest.fixture
def nodes(installation: Cluster) -> Iterator[Cluster]:
    """Two nodes: one has a model whole, and an older one of another model; the other is still getting the first."""
    put_model(installation, "base", {"artifact": {"digest": DIGEST, "totalBytes": 2_000_000, "files": 3}})
    put_model(installation, "tuned", {"artifact": {"digest": "sha256:new", "totalBytes": 5_000_000, "files": 3}})
    put_node(installation, "node-a", base=entry("Ready", DIGEST), tuned=entry("Ready", "sha256:old"))
    put_node(installation, "node-b", base=entry("Updating", ""))
    yield installation
    for path in (WORKFLOWS, "/apis/ome.io/v1beta1/clusterbasemodels", "/api/v1/namespaces/ome/configmaps"):
        for item in installation.admin.request("GET", path)["items"]:
            if path != "/api/v1/namespaces/ome/configmaps" or item["metadata"]["name"].startswith("node-"):
                installation.admin.request("DELETE", f"{path}/{item['metadata']['name']}")


def entry(status: str, digest: str) -> str:
    config = {"artifact": {"sha": "3732d04c3d301ae8"}} if digest else {}
    return json.dumps({"name": "m", "status": status, "digest": digest, "path": "/mnt/models/m", "config": config})


def put_model(cluster: Cluster, name: str, status: Object) -> None:
    body: Object = {"apiVersion": "ome.io/v1beta1", "kind": "ClusterBaseModel", "metadata": {"name": name}}
    cluster.admin.apply(body | {"spec": {"storage": {"storageUri": f"hf://organisation/{name}"}}})
    cluster.admin.apply(body | {"status": status}, subresource="status")


def put_node(cluster: Cluster, name: str, **entries: str) -> None:
    labels = {"models.ome/basemodel-status": "true"}
    data = {f"clusterbasemodel.{model}": text for model, text in entries.items()}
    metadata = {"name": name, "namespace": "ome", "labels": labels}
    cluster.admin.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})


def runs(cluster: Cluster) -> list[Object]:
    found: list[Object] = cluster.admin.request("GET", WORKFLOWS)["items"]
    return found


@contextmanager
def argo(cluster: Cluster, phase: str, ends: Callable[[], Mapping[str, Any]]) -> Iterator[None]:
    """Takes up the run that comes, has it hash for a moment, and ends it."""

    def play() -> None:
        (run,) = until(lambda: runs(cluster), "a run")
        begun = step("audit", "Running", item=0, node="node-a", progress="1000000/3000000")
        path = f"{WORKFLOWS}/{run['metadata']['name']}"
        for status in ({"phase": "Running", "nodes": begun}, {"phase": phase, "nodes": ends()}):
            cluster.admin.request("PATCH", path, {"status": status}, "application/merge-patch+json")

    hand = threading.Thread(target=play)
    hand.start()
    try:
        yield
    finally:
        hand.join()


def sound(node: str, item: int) -> Mapping[str, Any]:
    return step("audit", item=item, node=node, outputs={**OUTPUTS, "node": node}, progress="3000000/3000000")


def arguments(run: Object) -> dict[str, str]:
    return {each["name"]: each["value"] for each in run["spec"]["arguments"]["parameters"]}


def test_each_nodes_models_are_listed_with_what_is_known(nodes: Cluster) -> None:
    listed = nodes.ome("cache", "list", "--cluster")
    assert listed.returncode == 0, listed.stderr
    assert [line.split() for line in listed.stdout.splitlines()[:4]] == [
        ["NODE", "MODEL", "REVISION", "SIZE", "STATE"],
        ["node-a", "base", "3732d04c3d30", "2.0", "MB", "ready"],
        ["node-a", "tuned", "3732d04c3d30", "?", "older"],
        ["node-b", "base", "?", "updating"],
    ]
    assert "Sizes that are not known, on node-a, node-b:" in listed.stdout
    assert "`ome cache list` on the node says them" in listed.stdout
    data = json.loads(nodes.ome("cache", "list", "--cluster", "-o", "json").stdout)
    (first, second) = data["nodes"]
    assert (first["bytes"], first["unknown"], second["unknown"]) == (2_000_000, 1, 1)
    assert [m["model"] for m in first["models"]] == ["ClusterBaseModel/base", "ClusterBaseModel/tuned"]


def test_the_sum_is_by_node_and_names_who_knows_the_rest(nodes: Cluster) -> None:
    put_model(nodes, "copy", {"artifact": {"digest": DIGEST, "totalBytes": 2_000_000, "files": 3}})
    put_node(nodes, "node-c", base=entry("Ready", DIGEST), copy=entry("Ready", DIGEST))
    summed = nodes.ome("cache", "du")
    assert summed.returncode == 0, summed.stderr
    rows = [line.split(maxsplit=2) for line in summed.stdout.splitlines()[1:5]]
    assert rows[:3] == [
        ["node-a", "2", "2.0 MB and 1 not known"], ["node-b", "1", "0 B and 1 not known"], ["node-c", "2", "2.0 MB"],
    ]  # fmt: skip
    assert rows[3][0] == "total" and summed.stdout.count("4.0 MB") == 1, "the same files on a node count once"
    assert "`ome cache du` there" in summed.stdout


def test_a_cluster_without_models_says_so(installation: Cluster) -> None:
    assert "No node holds a model yet" in installation.ome("cache", "list", "--cluster").stdout


def test_verifying_runs_the_pipeline_and_tells_each_node(nodes: Cluster) -> None:
    with argo(nodes, "Succeeded", lambda: {**sound("node-a", 0), **sound("node-b", 1)}):
        verified = nodes.ome("cache", "verify", "--cluster", "--repair", "--node", "node-a", "--node", "node-b")
    assert verified.returncode == 0, verified.stderr
    assert [line.split() for line in verified.stdout.splitlines()][-2:] == [
        ["node-a", "succeeded", "2", "3.0", "MB", "1", "1", "1.0", "kB", "0", "B"],
        ["node-b", "succeeded", "2", "3.0", "MB", "1", "1", "1.0", "kB", "0", "B"],
    ]
    (run,) = runs(nodes)
    assert run["spec"]["workflowTemplateRef"] == {"name": "audit-cache"}
    assert run["metadata"]["labels"]["ome.io/pipeline"] == "audit-cache"
    given = arguments(run)
    assert (given["damaged"], json.loads(given["nodes"])) == ("repair", ["node-a", "node-b"])
    assert int(given["rest_days"]) > 365, "verifying removes no download"


def test_damage_on_a_node_is_an_error_of_its_class_and_the_others_are_told(nodes: Cluster) -> None:
    told_words = told("damaged", "node-a: 1 files are not sound", "Run audit-cache with damaged=repair.")
    bad = step("audit", "Failed", item=0, node="node-a", message=told_words)
    with argo(nodes, "Failed", lambda: {**bad, **sound("node-b", 1)}):
        verified = nodes.ome("cache", "verify", "--cluster", "-o", "json")
    assert verified.returncode == 22, verified.stderr
    assert "node-a: 1 files are not sound\nRun audit-cache with damaged=repair." in verified.stderr
    told_nodes = {each["node"]: each for each in json.loads(verified.stdout[verified.stdout.index("{") :])["nodes"]}
    assert told_nodes["node-a"]["error"]["code"] == "damaged" and told_nodes["node-a"]["models"] is None
    assert told_nodes["node-b"]["hashedBytes"] == 3_000_000 and told_nodes["node-b"]["error"] is None
    assert arguments(runs(nodes)[0])["damaged"] == "report"


def test_a_run_whose_nodes_are_not_found_says_why(nodes: Cluster) -> None:
    words = told("not-found", 'nodes: "node-z" is no node of this cluster', "There are: node-a, node-b.")
    failed = step("find", "Failed", message=words)
    with argo(nodes, "Failed", lambda: failed):
        verified = nodes.ome("cache", "verify", "--cluster", "--node", "node-z")
    assert verified.returncode == 11, verified.stderr
    assert "node-z" in verified.stderr and "There are: node-a, node-b." in verified.stderr


def test_a_command_that_was_cut_off_goes_on_with_its_run(nodes: Cluster) -> None:
    api, asked = connect(nodes.server.kubeconfig), {"damaged": "report", "rest_days": "7"}
    name, was_there = submit_audit(api, asked)
    assert not was_there
    assert submit_audit(api, asked) == (name, True)
    other, was_there = submit_audit(api, {**asked, "rest_days": "0"})
    assert other != name and not was_there, "one that does something else is not the same"
    path = f"{WORKFLOWS}/{name}"
    for phase, is_gone_on_with in (("Running", True), ("Failed", False)):
        patch = {"status": {"phase": phase}}
        nodes.admin.request("PATCH", path, patch, "application/merge-patch+json")
        again, was_there = submit_audit(api, asked)
        assert (again == name, was_there) == (is_gone_on_with, is_gone_on_with)


def test_pruning_says_what_it_does_and_asks(nodes: Cluster) -> None:
    refused = nodes.ome("cache", "prune", "--cluster", "--older-than", "4w")
    assert refused.returncode == 16 and "--yes" in refused.stderr
    planned = nodes.ome("cache", "prune", "--cluster", "--dry-run")
    assert planned.returncode == 0
    assert "audit-cache goes to node-a, node-b" in planned.stderr and "nothing was submitted" in planned.stderr
    assert runs(nodes) == []
    with argo(nodes, "Succeeded", lambda: sound("node-a", 0)):
        assert nodes.ome("cache", "prune", "--cluster", "--older-than", "4w", "--yes").returncode == 0
    assert arguments(runs(nodes)[0])["rest_days"] == "28"


@pytest.mark.parametrize(
    ("words", "told_words"),
    [
        (("prune", "--models"), "kubectl delete"),
        (("prune", "--older-than", "12h"), "whole days"),
        (("verify", "base"), "--node"),
    ],
)
def test_what_the_pipeline_cannot_do_is_refused(installation: Cluster, words: Sequence[str], told_words: str) -> None:
    refused = installation.ome("cache", *words, "--cluster")
    assert refused.returncode == 16 and told_words in refused.stderr


def test_an_older_installation_is_told_to_be_brought_up_to_date(nodes: Cluster) -> None:
    path = "/apis/argoproj.io/v1alpha1/namespaces/ome/workflowtemplates/audit-cache"
    nodes.admin.request("DELETE", path)
    missing = nodes.ome("cache", "verify", "--cluster")
    assert missing.returncode == 11
    assert "no WorkflowTemplate ome/audit-cache" in missing.stderr and "`ome install`" in missing.stderr
    assert nodes.ome("install", "--no-wait").returncode == 0


def test_the_documented_rights_are_enough_and_without_them_the_missing_one_is_named(nodes: Cluster) -> None:
    kubeconfig = nodes.server.kubeconfig_of("ome", "cache-reader")
    refused = as_user(kubeconfig, "cache", "list")
    assert refused[0] == 10 and "may not list clusterbasemodels.ome.io" in refused[1], refused
    blocks = [block.split("```")[0] for block in GUIDE.read_text().split("```yaml\n")[1:]]
    (block,) = (each for each in blocks if "name: cache-reader" in each)
    for role in yaml.safe_load_all(block):
        nodes.admin.apply(role)
        nodes.admin.apply(binding_of(role))
    listed = as_user(kubeconfig, "cache", "list")
    assert listed[0] == 0 and "node-a" in listed[1], listed
    with argo(nodes, "Succeeded", lambda: sound("node-a", 0)):
        verified = as_user(kubeconfig, "cache", "verify")
    assert verified[0] == 0, verified


def binding_of(role: Object) -> Object:
    """Gives the rights of a role to the user of the test."""
    api = "rbac.authorization.k8s.io"
    return {
        "apiVersion": role["apiVersion"],
        "kind": f"{role['kind']}Binding",
        "metadata": role["metadata"],
        "roleRef": {"apiGroup": api, "kind": role["kind"], "name": role["metadata"]["name"]},
        "subjects": [{"kind": "ServiceAccount", "name": "cache-reader", "namespace": "ome"}],
    }


def as_user(kubeconfig: Path, *words: str) -> tuple[int, str]:
    """Exit code and what is said."""
    ran = CliRunner().invoke(app, [*words, "--kubeconfig", str(kubeconfig)])
    if isinstance(ran.exception, OmeError):
        return ran.exception.exit_code, f"{ran.exception.message} {ran.exception.remedy}"
    return ran.exit_code, ran.output


def test_without_a_cluster_the_way_to_one_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    missing = ome("cache", "list", "--cluster")
    assert missing.returncode == 16 and "--kubeconfig" in missing.stderr and "Traceback" not in missing.stderr
    refused = ome("cache", "verify", "--node", "node-a")
    assert refused.returncode == 16 and "--node is for --cluster" in refused.stderr


def test_a_running_import_is_told_in_a_line(nodes: Cluster) -> None:
    put_model(nodes, "base", {"state": "In_Transit", "progress": IMPORTING})
    shown = nodes.ome("get", "model", "base", "--cluster")
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.splitlines()[-1] == (
        "base: 12 GB of 141 GB (8 %), 1.1 GB/s, nearly done; slowest node-b at 5 %, 200 B/s"
    )
    later = {**IMPORTING, "estimatedCompletionTime": "2999-01-01T00:00:00Z"}
    put_model(nodes, "base", {"state": "In_Transit", "progress": later})
    assert " h " in nodes.ome("get", "models", "--cluster").stdout.splitlines()[-1]
    assert json.loads(nodes.ome("get", "model", "base", "--cluster", "-o", "json").stdout)["status"]["progress"]
