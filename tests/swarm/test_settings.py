"""Where peers are, who they are, and how fast: from the environment, with words for what is wrong."""

import asyncio
import time
from dataclasses import replace

import pytest
from pydantic import ValidationError

from crds.storage import StorageSpec
from steps.distribution import find_peers
from steps.errors import InvalidInputError
from steps.pace import DOWNLOAD_LIMIT, Pace, pace_from_environment
from steps.swarm import PeerSettings

DIGEST = "0" * 64


def test_addresses_have_the_port_of_all_nodes_unless_they_name_another() -> None:
    environment = {"OME_PEERS": "ome-peers.ome.svc, 10.0.0.7:9000,[fd00::1]:9001", "OME_PEER_ADDRESS": "10.0.0.8:9002"}
    settings = PeerSettings.from_environment("key", environment)
    assert settings is not None
    assert settings.addresses == (("ome-peers.ome.svc", 7543), ("10.0.0.7", 9000), ("fd00::1", 9001))
    assert (settings.host, settings.port) == ("10.0.0.8", 9002)
    plain = PeerSettings.from_environment("key", {"OME_PEERS": "one"})
    assert plain is not None and (plain.host, plain.port) == ("", 7543)


@pytest.mark.parametrize("wrong", ["host:port", "host:99999", "host:-1"])
def test_a_wrong_address_is_named(wrong: str) -> None:
    with pytest.raises(InvalidInputError, match="OME_PEERS: .* is not an address"):
        PeerSettings.from_environment("key", {"OME_PEERS": wrong})


def test_without_peers_a_model_comes_from_its_source(monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_peers(DIGEST, "auto") is None
    monkeypatch.setenv("OME_PEERS", "one")
    assert find_peers(DIGEST, "auto") is None, "without a key nobody is a peer"
    monkeypatch.setenv("OME_PEER_KEY", "secret")
    assert find_peers(DIGEST, "direct") is None
    found = find_peers(DIGEST, "auto")
    assert found is not None and "secret" not in found.key
    assert not found.is_required
    assert find_peers(DIGEST, "swarm") == replace(found, is_required=True)
    other = find_peers("1" * 64, "swarm")
    assert other is not None and other.key != found.key, "of one import, not of all"


@pytest.mark.parametrize(("given", "missing"), [({}, "OME_PEERS"), ({"OME_PEERS": "one"}, "OME_PEER_KEY")])
def test_a_swarm_that_cannot_be_says_what_is_missing(
    given: dict[str, str], missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InvalidInputError, match=f'"swarm" needs {missing}'):
        find_peers(DIGEST, "swarm")


def test_a_model_says_how_it_is_distributed() -> None:
    assert StorageSpec().distribution == "auto"
    assert StorageSpec.from_dict({"parameters": {"distribution": "direct"}}).distribution == "direct"
    with pytest.raises(ValidationError, match="distribution is .torrent.*auto, swarm or direct"):
        StorageSpec.from_dict({"parameters": {"distribution": "torrent"}})


@pytest.mark.parametrize("wrong", ["fast", "0", "-5Mi", "100Ki"])
def test_a_wrong_cap_is_named(wrong: str) -> None:
    with pytest.raises(InvalidInputError, match=f'OME_DOWNLOAD_LIMIT: "{wrong}"'):
        pace_from_environment(DOWNLOAD_LIMIT, {DOWNLOAD_LIMIT: wrong})
    assert pace_from_environment(DOWNLOAD_LIMIT, {DOWNLOAD_LIMIT: " "}) is None


def test_bytes_pass_no_faster_than_the_cap() -> None:
    async def pass_bytes() -> float:
        pace, began = Pace(8 << 20), time.monotonic()
        await asyncio.gather(*(pace.take(1 << 20) for _ in range(6)))
        return time.monotonic() - began

    assert asyncio.run(pass_bytes()) >= 6 / 8 - 0.26, "a quarter of a second's bytes may pass at once"
