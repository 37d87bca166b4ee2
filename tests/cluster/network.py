"""What the test cluster changes in the machine's network and kernel settings, and how it is set back.

The saved settings are also the claim to the machine: a bridge without them belongs to a cluster with another folder.
"""

import json
from pathlib import Path

from steps.errors import ClusterError
from tests.cluster.addresses import HOST, LINK, NAME, POD_BRIDGE_PREFIX, POD_CIDR, node_address
from tests.cluster.commands import run, succeeds, write_value

_SETTINGS = (
    "net/ipv4/ip_forward", "vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes",
    "net/netfilter/nf_conntrack_tcp_timeout_established", "net/netfilter/nf_conntrack_tcp_timeout_close_wait",
)  # fmt: skip
"""Set by this module, the kubelet and kube-proxy."""


def make_network(folder: Path, nodes: int, *, is_open: bool) -> None:
    """Make the bridge with its addresses, forwarding, and the rule for pod traffic that leaves the machine.

    Args:
        folder: The running cluster's, which keeps the old settings.
        nodes: How many nodes have an address.
        is_open: Whether pods reach what the machine reaches; otherwise it is refused at once.

    Raises:
        ClusterError: when the kernel or a tool refuses.
    """
    saved = _saved(folder)
    if not saved.exists():
        paths = [path for name in _SETTINGS if (path := Path("/proc/sys", name)).exists()]
        saved.write_text(json.dumps({str(path): path.read_text() for path in paths}))
    write_value(Path("/proc/sys/net/ipv4/ip_forward"), "1")
    if not _link_exists():
        run("ip", "link", "add", LINK, "type", "bridge")
    for address in (HOST, *(node_address(i) for i in range(1, nodes + 1))):
        run("ip", "address", "replace", f"{address}/32", "dev", LINK)
    run("ip", "link", "set", LINK, "up")
    chain = "type nat hook postrouting priority srcnat" if is_open else "type filter hook forward priority filter"
    rule = f"ip saddr {POD_CIDR} ip daddr != {POD_CIDR} {'masquerade' if is_open else 'reject'}"
    table = f"table ip {NAME}"
    run("nft", f"{table} {{}}; delete {table}; {table} {{ chain pods {{ {chain}; {rule}; }}; }}")


def remove_network(folder: Path) -> None:
    """Take all of it away, kube-proxy's rules and the pod bridges included, and set the old values."""
    for family, table in (("ip", NAME), ("ip", "kube-proxy"), ("ip6", "kube-proxy")):
        run("nft", "delete", "table", family, table, must_succeed=False)
    for link in json.loads(run("ip", "-json", "link", "show")):
        if link["ifname"] == LINK or link["ifname"].startswith(POD_BRIDGE_PREFIX):
            run("ip", "link", "delete", link["ifname"])
    if _saved(folder).exists():
        for path, value in json.loads(_saved(folder).read_text()).items():
            write_value(Path(path), value)


def check_claim(folder: Path) -> None:
    """Refuse to touch a cluster of another folder.

    Raises:
        ClusterError: when one runs.
    """
    if _link_exists() and not _saved(folder).exists():
        message = f"interface {LINK} exists, but {folder} holds no cluster: the one that runs has another cache folder"
        raise ClusterError(message, remedy=f"End it with its own OME_CACHE, or `ip link delete {LINK}` if it is gone.")


def _saved(folder: Path) -> Path:
    return folder / "sysctls.json"


def _link_exists() -> bool:
    return succeeds("ip", "link", "show", LINK)
