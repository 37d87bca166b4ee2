"""Certificates and kubeconfig files of the test cluster: one authority, and a key for each component and the user."""

import json
from pathlib import Path

from tests.cluster.addresses import API_URL, FIRST_SERVICE, HOST
from tests.cluster.commands import run

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
_DAYS = ("-days", "3650")


def make_certificates(folder: Path, nodes: int) -> None:
    """Make what is missing below `folder`/certs, and a kubeconfig `folder`/NAME.conf for each user of the API.

    Raises:
        ClusterError: when openssl fails.
    """
    certs = folder / "certs"
    certs.mkdir(parents=True, exist_ok=True)
    authority = certs / "ca.crt"
    if not authority.exists():
        run("openssl", "genpkey", "-algorithm", "RSA", "-out", certs / "accounts.key")
        subject = (*_DAYS, "-subj", "/CN=test-cluster-ca")
        run("openssl", "req", "-x509", *_KEY, *subject, "-keyout", certs / "ca.key", "-out", authority)
    service = "DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local"
    names = f"IP:{HOST},IP:{FIRST_SERVICE},DNS:kubernetes.default,{service}"
    _issue(certs, "apiserver", "/CN=kube-apiserver", names)
    _issue(certs, "kubelet-client", "/O=system:masters/CN=apiserver-kubelet-client")
    for name, subject_name in _users(nodes).items():
        _issue(certs, name, subject_name)
        (folder / f"{name}.conf").write_text(json.dumps(kubeconfig(certs, name), indent=1))


def kubeconfig(certs: Path, user: str) -> dict[str, object]:
    """Access to the API server with the certificate of `user`."""
    cluster = {"server": API_URL, "certificate-authority": f"{certs}/ca.crt"}
    keys = {"client-certificate": f"{certs}/{user}.crt", "client-key": f"{certs}/{user}.key"}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": user, "user": keys}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": user}}],
    }


def _users(nodes: int) -> dict[str, str]:
    parts = ("controller-manager", "scheduler", "proxy")
    return (
        {"admin": "/O=system:masters/CN=admin", "coredns": "/CN=coredns"}
        | {f"kube-{part}": f"/CN=system:kube-{part}" for part in parts}
        | {f"kubelet-{i}": f"/O=system:nodes/CN=system:node:node-{i}" for i in range(1, nodes + 1)}
    )


def _issue(certs: Path, name: str, subject: str, alternative_names: str = "DNS:unused") -> None:
    if (certs / f"{name}.crt").exists():
        return
    about = ("-subj", subject, "-addext", f"subjectAltName={alternative_names}", "-keyout", certs / f"{name}.key")
    request = run("openssl", "req", "-new", *_KEY, *about)
    signer = ("-CA", certs / "ca.crt", "-CAkey", certs / "ca.key", *_DAYS, "-copy_extensions", "copy")
    run("openssl", "x509", "-req", *signer, "-out", certs / f"{name}.crt", stdin=request)
