"""etcd, the API server, the controller manager, the scheduler, kube-proxy and DNS, as processes of the machine."""

import json
import signal
import socket
import time
from pathlib import Path

from tests.cluster.addresses import ETCD_URL, HOST, NODE_CIDR, POD_CIDR, SERVICE_CIDR
from tests.cluster.kubectl import Kubectl
from tests.cluster.node import LEASE_SECONDS
from tests.cluster.places import binaries_folder
from tests.cluster.processes import Components, end

API_SERVER = "kube-apiserver"
AUDIT_LOG = "audit.jsonl"
"""In the cluster's folder: a line for each call that a service account of ours made."""
STARTS = "api-server-starts.jsonl"
"""Beside it: from when until when the API server was starting, in seconds since the epoch, a line for each start."""
_AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "None", "nonResourceURLs": ["/*"]},
        {"level": "Metadata", "userGroups": ["system:serviceaccounts:ome"]},
        {"level": "None"},
    ],
}


def start_control_plane(folder: Path, components: Components, kubectl: Kubectl) -> None:
    """Start what decides, and wait until the API server answers.

    Raises:
        ClusterError: when a component ends instead, with its log.
    """
    binaries, certs = binaries_folder(), folder / "certs"
    components.start(
        "etcd", binaries / "etcd", f"--data-dir={folder / 'etcd'}", "--unsafe-no-fsync", "--log-level=warn",
        f"--listen-client-urls={ETCD_URL}", f"--advertise-client-urls={ETCD_URL}",
        "--listen-peer-urls=http://127.0.0.1:2380",
    )  # fmt: skip
    _start_api_server(folder, components, kubectl)
    _start_client(
        folder, components, "kube-controller-manager", f"--root-ca-file={certs}/ca.crt",
        f"--service-account-private-key-file={certs}/accounts.key", "--use-service-account-credentials",
        f"--flex-volume-plugin-dir={folder}/volume-plugins",
        f"--node-monitor-grace-period={LEASE_SECONDS + 10}s",  # else 50: tests wait for a node to be NotReady
    )  # fmt: skip
    _start_client(folder, components, "kube-scheduler")


def restart_api_server(folder: Path, components: Components, kubectl: Kubectl) -> float:
    """Kill the API server, start it again, and wait until it answers; when it was gone, in seconds since the epoch.

    Raises:
        ClusterError: when it ends again instead, with its log.
    """
    pid = components.pid(API_SERVER)
    assert pid is not None, "it does not run"
    end({pid}, signal.SIGKILL)
    gone = time.time()
    _start_api_server(folder, components, kubectl)
    return gone


def _start_api_server(folder: Path, components: Components, kubectl: Kubectl) -> None:
    begun = time.time()
    certs, policy = folder / "certs", folder / "audit-policy.json"
    policy.write_text(json.dumps(_AUDIT_POLICY, indent=1))
    components.start(
        API_SERVER, binaries_folder() / API_SERVER, f"--etcd-servers={ETCD_URL}",
        f"--bind-address={HOST}", f"--advertise-address={HOST}", f"--service-cluster-ip-range={SERVICE_CIDR}",
        "--authorization-mode=Node,RBAC", "--allow-privileged",
        # The second is off by default and on in some distributions: who may not delete an object may not own it.
        "--enable-admission-plugins=NodeRestriction,OwnerReferencesPermissionEnforcement",
        f"--client-ca-file={certs}/ca.crt",
        f"--tls-cert-file={certs}/apiserver.crt", f"--tls-private-key-file={certs}/apiserver.key",
        f"--kubelet-client-certificate={certs}/kubelet-client.crt",
        f"--kubelet-client-key={certs}/kubelet-client.key",
        f"--service-account-key-file={certs}/accounts.key",
        f"--service-account-signing-key-file={certs}/accounts.key",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        "--kubelet-preferred-address-types=InternalIP",
        f"--audit-policy-file={policy}", f"--audit-log-path={folder / AUDIT_LOG}",
    )  # fmt: skip
    components.wait(API_SERVER, lambda: kubectl.succeeds("get", "--raw", "/readyz"))
    with (folder / STARTS).open("a") as starts:
        print(json.dumps([begun, time.time()]), file=starts)


def start_proxy(folder: Path, components: Components) -> None:
    """Start kube-proxy, once for all nodes: they share the machine's network."""
    config = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clusterCIDR": POD_CIDR,
        "hostnameOverride": "node-1",
        "healthzBindAddress": "127.0.0.1:10256",
        "metricsBindAddress": "127.0.0.1:10249",
        "nodePortAddresses": [NODE_CIDR],
        "conntrack": {"maxPerCore": 0, "min": 0},
        "oomScoreAdj": 0,
        "clientConnection": {"kubeconfig": f"{folder}/kube-proxy.conf"},
    }
    path = folder / "kube-proxy.json"
    if not components.pid("kube-proxy"):  # a running one ends when its file is written again
        path.write_text(json.dumps(config, indent=1))
    components.start("kube-proxy", binaries_folder() / "kube-proxy", "--config", path)


def start_dns(folder: Path, components: Components, kubectl: Kubectl, *, is_open: bool) -> None:
    """Start CoreDNS on the machine's address, with the right to read services.

    Args:
        folder: The running cluster's.
        components: Its processes.
        kubectl: Its administrator.
        is_open: Whether names outside the cluster resolve, as the machine resolves them.
    """
    kubectl.apply(*_dns_rights())
    kubernetes = f"kubernetes cluster.local in-addr.arpa {{\n  kubeconfig {folder}/coredns.conf\n  ttl 5\n }}"
    others = "forward . /etc/resolv.conf" if is_open else "template ANY ANY {\n  rcode NXDOMAIN\n }"
    common = f"bind {HOST}\n errors\n cache 5"
    path = folder / "Corefile"
    path.write_text(
        f"cluster.local in-addr.arpa {{\n {common}\n ready {HOST}:8181\n {kubernetes}\n}}\n"
        f". {{\n {common}\n {others}\n}}\n"
    )
    components.start("coredns", binaries_folder() / "coredns", "-conf", path)


def answers(host: str, port: int) -> bool:
    """Whether a server accepts connections there."""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


def _start_client(folder: Path, components: Components, name: str, *flags: str) -> None:
    kinds = ("kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig")
    access = [f"--{kind}={folder}/{name}.conf" for kind in kinds]
    program = binaries_folder() / name
    components.start(name, program, "--bind-address=127.0.0.1", "--leader-elect=false", *access, *flags)


def _dns_rights() -> list[dict[str, object]]:
    verbs = ["list", "watch"]
    rules = [
        {"apiGroups": [""], "resources": ["services", "namespaces", "pods"], "verbs": verbs},
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": verbs},
    ]
    common: dict[str, object] = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": "coredns"}}
    user = {"kind": "User", "name": "coredns", "apiGroup": "rbac.authorization.k8s.io"}
    role = {"kind": "ClusterRole", "name": "coredns", "apiGroup": "rbac.authorization.k8s.io"}
    return [
        common | {"kind": "ClusterRole", "rules": rules},
        common | {"kind": "ClusterRoleBinding", "subjects": [user], "roleRef": role},
    ]
