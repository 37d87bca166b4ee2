"""Where a node finds its peers, how it answers them, and how much of its link it may use."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from steps.errors import InvalidInputError

PORT = 7543  # the chart, the Service and its network policy name it too
LINGER_SECONDS = 120.0


@dataclass(frozen=True)
class PeerSettings:
    """What makes a node part of a swarm.

    Attributes:
        addresses: `host:port` of peers; a host with several addresses, such as a headless Service, stands for all of
            them (`OME_PEERS`, separated by commas).
        key: What all nodes of one import know, and nobody else; it is not sent to the source.
        host, port: Where this node answers (`OME_PEER_ADDRESS`, as `host:port`); port 0 for any.
        linger_seconds: For how long at most a node that has finished goes on answering peers that need it.
        is_required: Whether a node that cannot answer its peers is to fail, and not to fetch all by itself.
    """

    addresses: tuple[tuple[str, int], ...]
    key: str
    host: str = ""
    port: int = PORT
    linger_seconds: float = LINGER_SECONDS
    is_required: bool = False

    @classmethod
    def from_environment(cls, key: str, environment: Mapping[str, str] = os.environ) -> "PeerSettings | None":
        """The settings; None where no peers are named.

        Raises:
            InvalidInputError: names the variable and its value.
        """
        named = [part.strip() for part in environment.get("OME_PEERS", "").split(",") if part.strip()]
        if not named or not key:
            return None
        host, port = _address("OME_PEER_ADDRESS", environment.get("OME_PEER_ADDRESS") or f":{PORT}")
        return cls(tuple(_address("OME_PEERS", part) for part in named), key, host, port)


def _address(variable: str, text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon:
        host, port = text, str(PORT)
    if not (port.isascii() and port.isdigit() and int(port) <= 65535):
        raise InvalidInputError(
            f'{variable}: "{text}" is not an address', remedy="Give host:port, such as ome-peers.ome:7543."
        )
    return host.strip("[]"), int(port)
