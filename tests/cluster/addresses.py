"""The fixed addresses of the test cluster: one of them on a machine at a time."""

LINK = "ome0"
"""A bridge without ports that holds the addresses below."""

HOST = "10.200.0.1"
"""The API server, DNS and what tests serve to pods."""

API_URL = f"https://{HOST}:6443"
ETCD_URL = "http://127.0.0.1:2379"
POD_CIDR = "10.244.0.0/16"
SERVICE_CIDR = "10.96.0.0/16"
NODE_CIDR = "10.200.0.0/24"
FIRST_SERVICE = "10.96.0.1"
ARGO_SERVER_PORT = 2746
POD_BRIDGE_PREFIX = "ome-pods"
NAME = "ome-cluster"
"""Of the nftables table and of the cgroup."""


def node_address(index: int) -> str:
    """The address of node 1, 2 and so on."""
    return f"10.200.0.{10 + index}"


def pod_subnet(index: int) -> str:
    """The addresses of the pods on node 1, 2 and so on."""
    return f"10.244.{index}.0/24"
