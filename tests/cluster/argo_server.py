"""The Argo server's submit call, as the Argo UI makes it when a person fills in a template's form."""

import json
import ssl
import tempfile
import urllib.request
from collections.abc import Mapping

from tests.cluster.argo import SERVER_URL
from tests.cluster.kubectl import Object
from tests.cluster.lifecycle import LocalCluster
from tests.cluster.ring import ARGO_SERVER, Cluster, argo_server_namespace


def submit(cluster: Cluster, template: str, parameters: Mapping[str, str], namespace: str = "ome") -> Object:
    """Submit a run of a WorkflowTemplate; the workflow as the server made it."""
    path, body = _call(template, parameters, namespace)
    made: Object = json.loads(_post(cluster, path, body))
    return made


def submit_as(url: str, token: str, template: str, parameters: Mapping[str, str], namespace: str = "ome") -> Object:
    """The same by who has signed in with a token at a server that signs its own certificate.

    Args:
        url: The server's.
        token: Of an account of the cluster; "" for nobody.
        template: What is submitted.
        parameters: What the form has.
        namespace: Where to.

    Raises:
        HTTPError: when it is refused.
    """
    path, body = _call(template, parameters, namespace)
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    who = {"Authorization": f"Bearer {token}"} if token else {}
    made: Object = json.loads(_ask(f"{url}/{path}", body, who, trusting))
    return made


def _call(template: str, parameters: Mapping[str, str], namespace: str) -> tuple[str, str]:
    body = {
        "namespace": namespace,
        "resourceKind": "WorkflowTemplate",
        "resourceName": template,
        "submitOptions": {
            "parameters": [f"{name}={value}" for name, value in parameters.items()],
            "labels": "submit-from-ui=true",
        },
    }
    return f"api/v1/workflows/{namespace}/submit", json.dumps(body)


def _ask(url: str, body: str, who: Mapping[str, str], trusting: ssl.SSLContext | None = None) -> str:
    request = urllib.request.Request(url, body.encode(), {"Content-Type": "application/json", **who})
    with urllib.request.urlopen(request, timeout=30, context=trusting) as response:
        return str(response.read().decode())


def _post(cluster: Cluster, path: str, body: str) -> str:
    if isinstance(cluster, LocalCluster):
        return _ask(f"{SERVER_URL}/{path}", body, {})
    namespace = argo_server_namespace(cluster.kubectl)
    proxy = f"/api/v1/namespaces/{namespace}/services/https:{ARGO_SERVER}:2746/proxy"
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        file.write(body)
        file.flush()
        return cluster.kubectl("create", "--raw", f"{proxy}/{path}", "-f", file.name)
