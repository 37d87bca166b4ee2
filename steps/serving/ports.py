"""Free ports on loopback, and who listens on one. Called by `supervisor`."""

import contextlib
import socket

import psutil

from steps.serving.identity import with_descendants
from steps.serving.probe import HOST


def free_port(preferred: int = 0) -> int:
    """`preferred` while it is free, so that an engine keeps its address over restarts; else any that is free.

    Another program may take it before the engine does; the supervisor then tries again with another.
    """
    if preferred and is_free(preferred):
        return preferred
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def is_listening(pid: int, port: int) -> bool:
    """Whether the process, or one it started, is who listens on the port; True when the system does not tell."""
    try:
        processes = with_descendants([psutil.Process(pid)])
    except psutil.NoSuchProcess:
        return False
    for process in processes:
        try:
            connections = process.net_connections(kind="tcp")
        except psutil.AccessDenied:
            return True
        except psutil.NoSuchProcess:
            continue
        with contextlib.suppress(AttributeError):  # an address may be empty
            if any(c.status == psutil.CONN_LISTEN and c.laddr.port == port for c in connections):
                return True
    return False
