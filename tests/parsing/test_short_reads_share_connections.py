"""Reads of headers are small: a connection for each would cost more than the bytes do."""

import sys

import pytest

from steps.sources import ResolveOptions, open_source
from tests.hub.fixture import RunningHub

SHARDS = [f"model-{number}.safetensors" for number in range(6)]


class _Connects:
    """The connections that this process makes while it is open: Python tells of each."""

    def __init__(self) -> None:
        self.count = 0
        self.is_open = False
        sys.addaudithook(self._heard)  # stays as long as the process

    def _heard(self, event: str, _: object) -> None:
        if self.is_open and event == "socket.connect":
            self.count += 1


@pytest.mark.parametrize("is_redirecting", [True, False], ids=["from the store behind the hub", "from the hub"])
def test_many_short_reads_take_one_connection_to_each_server(hub: RunningHub, *, is_redirecting: bool) -> None:
    names = SHARDS if is_redirecting else [f"{name}.json" for name in SHARDS]
    hub.add("acme/model", {name: name.encode() * 100 for name in names})
    source = open_source("hf://acme/model")
    manifest = source.resolve(ResolveOptions())
    connects = _Connects()
    connects.is_open = True
    for name in names:
        file = manifest.file(name)
        assert file is not None
        assert source.read(file, 0, 8) == (name.encode() * 100)[:8]
    connects.is_open = False
    assert connects.count <= (2 if is_redirecting else 1)
