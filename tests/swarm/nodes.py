"""Nodes that tests start: each a process of the cache-model step, with a models root and an address of its own."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

KEY = "of the tests"
END_SECONDS = 300


def free_addresses(count: int, host: str = "127.0.0.1") -> list[str]:
    """`host:port` of loopback that nothing listens at, each another."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind((host, 0))
        return [f"{host}:{each.getsockname()[1]}" for each in sockets]


class Node:
    """A node that imports a stored manifest.

    Args:
        folder: Its own; the models root is in it.
        address: Where it answers.
        peers: Of all nodes.
        environment: Variables beside.
    """

    def __init__(self, folder: Path, address: str, peers: list[str], environment: Mapping[str, str] | None = None):
        self.models = folder / "models"
        self._folder = folder
        self._environment = {
            "OME_MODELS_ROOT": str(self.models),
            "OME_STEP_ROOT": str(folder),
            "OME_PEERS": ",".join(peers),
            "OME_PEER_ADDRESS": address,
            "OME_PEER_KEY": KEY,
            **(environment or {}),
        }
        self._process: subprocess.Popen[str] | None = None

    @property
    def model(self) -> Path:
        """The model's folder."""
        return self.models / "model"

    def start(self, manifest: str, distribution: str = "swarm") -> None:
        """Begin to import."""
        self._folder.mkdir(parents=True, exist_ok=True)
        given = {"manifest": manifest, "name": "model", "distribution": distribution}
        parameters = self._folder / "parameters.json"
        parameters.write_text(json.dumps([{"name": name, "value": value} for name, value in given.items()]))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "steps", "cache-model", str(parameters)],
            env=os.environ | self._environment,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait_until_it_answers(self) -> None:
        """Wait until its peers can ask it."""
        assert self._process is not None
        host, _, port = self._environment["OME_PEER_ADDRESS"].rpartition(":")
        while self._process.poll() is None:
            try:
                socket.create_connection((host, int(port)), 10).close()
                return
            except ConnectionRefusedError:
                time.sleep(0.05)
        raise AssertionError(self._process.communicate()[1])

    def kill(self) -> None:
        """End it as a lost node ends."""
        assert self._process is not None
        self._process.kill()
        self._process.communicate()

    def end(self) -> str:
        """Wait for its good end; what it wrote."""
        assert self._process is not None
        _, errors = self._process.communicate(timeout=END_SECONDS)
        assert self._process.returncode == 0, errors
        return errors

    def output(self, name: str) -> int:
        """A number among the step's outputs."""
        return int((self._folder / "outputs" / name).read_text())


def make_nodes(folder: Path, count: int, environment: Mapping[str, str] | None = None) -> list[Node]:
    """Nodes that know of each other."""
    addresses = free_addresses(count)
    return [Node(folder / f"node-{n}", address, addresses, environment) for n, address in enumerate(addresses)]
