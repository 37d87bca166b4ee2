"""A cluster as a step sees it: an API server, service accounts with the installer's roles, and nodes that are folders.

`Cluster.run` runs a step as its pod does: only the environment that the templates set, no home, and (where the tests
run as root) a root file system that is read-only but for the pod's own folder.
"""

import base64
import functools
import gzip
import itertools
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crds.labels import node_label
from pipelines.install.accounts import access_objects
from steps.contract import to_parameter
from tests.apiserver.client import Object
from tests.apiserver.fixture import ApiServer
from tests.hub.fixture import RunningHub

REPOSITORY = Path(__file__).parents[2]
ACCOUNTS = {
    "resolve-model": "ome-import", "parse-model": "ome-import", "publish-model": "ome-import",
    "check-revision": "ome-import",
    "cache-model": "ome-cache", "evict-model": "ome-cache", "find-nodes": "ome-cache", "audit-cache": "ome-cache",
    "select-runtime": "ome-deploy",
    "ask-endpoint": "ome-measure", "benchmark-endpoint": "ome-measure", "read-claim": "ome-claim",
    "upload-report": "ome-upload",
}  # fmt: skip
"""Whose rights each step has, as in the templates."""
WORKFLOWS = "argoproj.io/v1alpha1"
Variables = dict[str, str]
_READ_ONLY = 'mount --bind "$0" "$0" && mount --bind "$1" "$1" && mount -o remount,bind,ro / && shift && exec "$@"'


@dataclass(frozen=True)
class Ended:
    """A step's pod after its end."""

    code: int
    log: str
    outputs: dict[str, str]
    failure: dict[str, str]
    progress: str


class Cluster:
    """One system namespace, its hub, and the folders of its nodes."""

    def __init__(self, server: ApiServer, hub: RunningHub, folder: Path, bytecode: Path) -> None:
        self.server, self.hub, self.folder, self.bytecode = server, hub, folder, bytecode
        self.admin = server.admin
        self._numbers = itertools.count(1)

    def run(
        self, step: str, *, node: str = "node-a", environment: dict[str, str] | None = None, **inputs: Any
    ) -> Ended:
        """Run a step to its end in a pod on a node, as part of the workflow `OME_WORKFLOW` (by default `run`)."""
        pod = self.folder / f"pod-{next(self._numbers)}"
        process = self.start(step, pod, node, environment or {}, inputs)
        log, _ = process.communicate(timeout=180)
        outputs = {path.name: path.read_text() for path in sorted((pod / "ome/outputs").glob("*"))}
        failure = pod / "termination-log"
        progress = pod / "progress"
        return Ended(
            code=process.returncode,
            log=log,
            outputs=outputs,
            failure=json.loads(failure.read_text()) if failure.stat().st_size else {},
            progress=progress.read_text() if progress.exists() else "",
        )

    def start(
        self, step: str, pod: Path, node: str, environment: Variables, inputs: dict[str, Any]
    ) -> subprocess.Popen[str]:
        """Start a step's pod with all that it may write under the folder `pod`."""
        account = pod / "account"
        account.mkdir(parents=True)
        (pod / "tmp").mkdir()
        (pod / "termination-log").touch()
        (account / "token").write_text(token_of(self.server, ACCOUNTS[step]))
        (account / "ca.crt").write_bytes(self.server.certificate_authority.read_bytes())
        parameters = [{"name": name, "value": to_parameter(value)} for name, value in inputs.items()]
        (pod / "parameters.json").write_text(json.dumps(parameters))
        variables = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(REPOSITORY),
            "PYTHONPYCACHEPREFIX": str(self.bytecode),  # an image has compiled bytecode
            "TMPDIR": str(pod / "tmp"),
            "KUBERNETES_SERVICE_HOST": "127.0.0.1",
            "KUBERNETES_SERVICE_PORT": self.server.url.rpartition(":")[2],
            "OME_SERVICE_ACCOUNT": str(account),
            "OME_STEP_ROOT": str(pod / "ome"),
            "OME_HOME": str(pod / "tmp/ome-home"),
            "OME_CLUSTER_NAMESPACE": "ome",
            "OME_NODE": node,
            "OME_WORKFLOW": "run",
            "OME_WORKFLOW_UID": "11111111-1111-1111-1111-111111111111",
            "OME_MODELS_ROOT": str(self.models(node)),
            "OME_TERMINATION_LOG": str(pod / "termination-log"),
            "ARGO_PROGRESS_FILE": str(pod / "progress"),
            "HF_ENDPOINT": self.hub.url,
            "OME_BACKOFF_SECONDS": "0.01",
            "OME_DISK_RESERVE": "1Mi",
        } | environment  # fmt: skip
        command = [sys.executable, "-m", "steps", step, str(pod / "parameters.json")]
        if can_make_read_only():
            command = ["unshare", "--mount", "sh", "-c", _READ_ONLY, str(self.folder), str(self.bytecode), *command]
        return subprocess.Popen(
            command, cwd="/", env=variables, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def imported(self, uri: str, name: str, *, node: str = "node-a", **inputs: Any) -> Ended:
        """Resolve and cache a model on a node; the cache step's end."""
        resolved = self.run("resolve-model", uri=uri)
        assert resolved.code == 0, resolved.log
        return self.run("cache-model", node=node, manifest=resolved.outputs["manifest"], name=name, **inputs)

    def models(self, node: str) -> Path:
        """The models root of a node, which is a folder here."""
        root = self.folder / "nodes" / node / "models"
        root.mkdir(parents=True, exist_ok=True)
        return root

    def config_map(self, name: str) -> Object:
        """A ConfigMap of the system namespace."""
        return self.admin.get(config_map(name))

    def make(self, kind: str, name: str, spec: Object, namespace: str = "", status: Object | None = None) -> Object:
        """Create a resource of ours, with a status as the controller would write it."""
        metadata: Object = {"name": name} | ({"namespace": namespace} if namespace else {})
        document = {"apiVersion": "ome.io/v1beta1", "kind": kind, "metadata": metadata, "spec": spec}
        made = self.admin.create(document)
        if status is not None:
            self.admin.request(
                "PATCH", f"{self.admin.path_of(made)}/status", {"status": status}, "application/merge-patch+json"
            )
        return document

    def make_node(self, name: str, *, holds: str = "", spec: Object | None = None, **allocatable: str) -> None:
        """Create a ready node, with the label of a ClusterBaseModel that it holds."""
        labels = {"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64", "kubernetes.io/hostname": name}
        if holds:
            labels[node_label("ClusterBaseModel", "", holds)] = "Ready"
        metadata = {"name": name, "labels": labels}
        node = {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": spec or {}}
        self.admin.create(node)
        taints = (spec or {}).get("taints", [])
        self.admin.patch(node, {"spec": {"taints": taints}})  # a new node is tainted until a controller finds it ready
        resources = {"cpu": "4", "memory": "8Gi", "pods": "110"} | allocatable
        conditions = [{"type": "Ready", "status": "True"}]
        status = {"status": {"allocatable": resources, "capacity": resources, "conditions": conditions}}
        self.admin.request("PATCH", f"/api/v1/nodes/{name}/status", status, "application/merge-patch+json")


def config_map(name: str) -> Object:
    """A document that names a ConfigMap of the system namespace."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "ome"}}


def workflow(name: str, *owners: Object) -> Object:
    """A workflow of the system namespace that objects own."""
    references = [
        {
            "apiVersion": owner["apiVersion"], "kind": owner["kind"],
            "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"],
        }
        for owner in owners
    ]  # fmt: skip
    metadata = {"name": name, "namespace": "ome", "ownerReferences": references}
    return {"apiVersion": WORKFLOWS, "kind": "Workflow", "metadata": metadata, "spec": {}}


def unpacked(found: Object, key: str) -> Any:
    """The JSON in a ConfigMap's compressed key."""
    return json.loads(gzip.decompress(base64.b64decode(found["binaryData"][key])))


def prepare(server: ApiServer) -> None:
    """What an installation gives: the system namespace, the accounts and their roles, and Argo's kind of workflows."""
    server.admin.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ome"}})
    server.define(_WORKFLOW_DEFINITION)
    for document in access_objects():
        server.admin.apply(document)
    server.admin.apply(workflow("run"))


@functools.cache
def can_make_read_only() -> bool:
    """Whether a process can be given a read-only root file system here: as root, where mounting is allowed."""
    probe = ["unshare", "--mount", "sh", "-c", _READ_ONLY, "/tmp", "/tmp", "true"]
    try:
        return os.geteuid() == 0 and subprocess.run(probe, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


@functools.cache
def token_of(server: ApiServer, account: str) -> str:
    """A token of an account of the system namespace."""
    return server.service_account_token("ome", account)


_WORKFLOW_DEFINITION: Object = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "workflows.argoproj.io"},
    "spec": {
        "group": "argoproj.io",
        "names": {"kind": "Workflow", "listKind": "WorkflowList", "plural": "workflows", "singular": "workflow"},
        "scope": "Namespaced",
        "versions": [
            {
                "name": "v1alpha1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                },
            }
        ],
    },
}
