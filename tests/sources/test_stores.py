"""Every store behind a harness holds what a test puts there, and its proxy counts, breaks and lies as it is told."""

from collections.abc import Callable, Mapping
from email.message import Message
from pathlib import Path

import pytest

from tests.hub.faults import Fault
from tests.sources.az_harness import ACCOUNT, CONTAINER, KEY, WRONG_KEY
from tests.sources.az_harness import signer as az_signer
from tests.sources.conformance import INNOCENT, ODD_NAMES, noise
from tests.sources.harness import SourceHarness
from tests.sources.plain_http import PlainClient, Sign, StoreRefusedError
from tests.sources.s3_harness import ACCESS_KEY, REGION, SECRET_KEY, WRONG_SECRET
from tests.sources.s3_signature import signer as s3_signer
from tests.sources.store_harness import StoreHarness


def unsigned(
    _method: str, _path: str, _query: Mapping[str, str], headers: Mapping[str, str], _body: bytes
) -> Mapping[str, str]:
    return headers


SIGNERS: Mapping[str, tuple[Sign, Sign]] = {
    "s3": (s3_signer(ACCESS_KEY, SECRET_KEY, REGION), s3_signer(ACCESS_KEY, WRONG_SECRET, REGION)),
    "gs": (unsigned, unsigned),
    "az": (az_signer(KEY), az_signer(WRONG_KEY)),
}
LISTINGS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "s3": ("/models", {"list-type": "2", "prefix": ""}),
    "gs": ("/models", {"list-type": "2", "prefix": ""}),
    "az": (f"/{ACCOUNT}/{CONTAINER}", {"restype": "container", "comp": "list", "prefix": ""}),
}
CONTENT = noise(400_000, 5)

OpenModel = Callable[[Path], SourceHarness]


@pytest.fixture(params=tuple(SIGNERS))
def model(request: pytest.FixtureRequest, models: dict[str, OpenModel], tmp_path: Path) -> StoreHarness:
    """An empty prefix at each store."""
    model = models[request.param](tmp_path)
    assert isinstance(model, StoreHarness)
    return model


def client(model: StoreHarness) -> PlainClient:
    return PlainClient(model.store.url, SIGNERS[model.name][0])


def get(model: StoreHarness, path: str, **headers: str) -> tuple[Message, bytes]:
    return client(model).send("GET", f"/{model.target(path)}", headers=headers)


def listed(model: StoreHarness) -> str:
    path, query = LISTINGS[model.name]
    return client(model).send("GET", path, {**query, "prefix": f"{model.prefix}/"})[1].decode()


def test_odd_names_are_kept(model: StoreHarness) -> None:
    model.put({name: name.encode() for name in ODD_NAMES})
    assert [get(model, name)[1].decode() for name in ODD_NAMES] == list(ODD_NAMES)
    assert listed(model).count(model.prefix) >= len(ODD_NAMES)


def test_ranges_and_conditions(model: StoreHarness) -> None:
    model.put({"a": b"0123456789"})
    headers, body = get(model, "a", Range="bytes=2-4")
    etag = headers["ETag"]
    assert body == b"234"
    assert get(model, "a", Range="bytes=2-4", **{"If-Match": etag})[1] == b"234"
    model.change("a", b"9876543210")
    with pytest.raises(StoreRefusedError, match="HTTP 412"):
        get(model, "a", Range="bytes=2-4", **{"If-Match": etag})
    model.remove("a")
    with pytest.raises(StoreRefusedError, match="HTTP 404"):
        get(model, "a")


def test_large_objects_are_put_in_parts(model: StoreHarness) -> None:
    content = noise(6_000_000, 4)
    model.put({"big": content})
    assert get(model, "big")[1] == content


def test_wrong_credentials_are_refused(model: StoreHarness) -> None:
    model.put({"a": b"0"})
    model.deny()
    wrong = PlainClient(model.store.url, SIGNERS[model.name][1])
    with pytest.raises(StoreRefusedError, match=r"HTTP 40[13]"):
        wrong.send("GET", f"/{model.target('a')}")
    model.allow()
    assert get(model, "a")[1] == b"0"


def test_ledger_counts_requests_and_bytes(model: StoreHarness) -> None:
    model.put({"a": CONTENT})
    get(model, "a", Range="bytes=100-199")
    get(model, "a")
    counts = model.ledger.counts()
    assert counts.requests == {model.target("a"): 2}
    assert counts.bytes == {model.target("a"): 100 + len(CONTENT)}


def test_faults_are_seen_on_the_wire(model: StoreHarness) -> None:
    model.put({"a": CONTENT})
    target = model.target("a")
    model.set_faults(Fault("flip", path=target, after=150))
    assert (
        get(model, "a", Range="bytes=100-199")[1] == CONTENT[100:150] + bytes([CONTENT[150] ^ 255]) + CONTENT[151:200]
    )
    model.set_faults(Fault("length", path=target, after=10))
    assert get(model, "a", Range="bytes=100-199")[1] == CONTENT[100:110]
    model.set_faults(Fault("whole", path=target))
    assert get(model, "a", Range="bytes=100-199")[1] == CONTENT
    model.set_faults(Fault("short", path=target, after=10))
    with pytest.raises(Exception, match=r"IncompleteRead\(10 bytes"):
        get(model, "a")
    model.set_faults(model.throttled(times=1, retry_after=7))
    with pytest.raises(StoreRefusedError, match=r"HTTP (429|503)"):
        get(model, "a")
    assert get(model, "a")[1] == CONTENT


def test_listing_lies_where_it_is_told_to(model: StoreHarness) -> None:
    model.put({INNOCENT: b"{}"})
    assert INNOCENT in listed(model)
    model.list_as(INNOCENT, "../evil.json")
    assert f"{model.prefix}/../evil.json" in listed(model)


def test_missing_bucket_is_not_found(model: StoreHarness) -> None:
    path, query = LISTINGS[model.name]
    with pytest.raises(StoreRefusedError, match="HTTP 404"):
        client(model).send("GET", path.replace("models", "nobody-made-this"), query)
