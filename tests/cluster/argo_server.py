"""The Argo server's submit call, as the Argo UI makes it when a person fills in a template's form."""

import json
import tempfile
import urllib.request
from collections.abc import Mapping

from steps.errors import ClusterError
from tests.cluster.argo import SERVER_URL
from tests.cluster.kubectl import Kubectl, Object
from tests.cluster.lifecycle import LocalCluster
from tests.cluster.ring import Cluster

_SERVER = "argo-server"


def submit(cluster: Cluster, template: str, parameters: Mapping[str, str], namespace: str = "ome") -> Object:
    """Submit a run of a WorkflowTemplate; the workflow as the server made it."""
    body = {
        "namespace": namespace,
        "resourceKind": "WorkflowTemplate",
        "resourceName": template,
        "submitOptions": {
            "parameters": [f"{name}={value}" for name, value in parameters.items()],
            "labels": "submit-from-ui=true",
        },
    }
    made: Object = json.loads(_post(cluster, f"api/v1/workflows/{namespace}/submit", json.dumps(body)))
    return made


def _post(cluster: Cluster, path: str, body: str) -> str:
    if isinstance(cluster, LocalCluster):
        request = urllib.request.Request(f"{SERVER_URL}/{path}", body.encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as response:
            return str(response.read().decode())
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        file.write(body)
        file.flush()
        return cluster.kubectl("create", "--raw", f"{_proxy(cluster.kubectl)}/{path}", "-f", file.name)


def _proxy(kubectl: Kubectl) -> str:
    """The path of a user's Argo server behind the API server.

    Raises:
        ClusterError: when it has none.
    """
    found = [each["metadata"] for each in kubectl.list("service") if each["metadata"]["name"] == _SERVER]
    if not found:
        remedy = "Install Argo's server too, with --auth-mode=server: the API server hands no token on."
        raise ClusterError(f"the cluster has no Service {_SERVER}", remedy=remedy)
    return f"/api/v1/namespaces/{found[0]['namespace']}/services/https:{_SERVER}:2746/proxy"
