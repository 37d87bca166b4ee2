"""A kubeconfig for a service account of the test cluster, for what works as it on this machine."""

import json
from pathlib import Path

from tests.cluster.addresses import API_URL
from tests.cluster.kubectl import Kubectl

DURATION = "2h"


def authority(folder: Path) -> Path:
    """The certificate of who signed the API server's, in a running cluster's folder."""
    return folder / "certs" / "ca.crt"


def write_kubeconfig(kubectl: Kubectl, path: Path, folder: Path, account: str, namespace: str) -> Path:
    """Write a kubeconfig with a token of a service account; where it is.

    Args:
        kubectl: Who may make tokens.
        path: Where to write it.
        folder: The running cluster's.
        account: The service account.
        namespace: The service account's.
    """
    token = kubectl("create", "token", account, f"--namespace={namespace}", f"--duration={DURATION}").strip()
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "clusters": [
            {"name": "test", "cluster": {"server": API_URL, "certificate-authority": f"{authority(folder)}"}}
        ],
        "users": [{"name": account, "user": {"token": token}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": account}}],
    }
    path.touch(mode=0o600)
    path.write_text(json.dumps(config))
    return path
