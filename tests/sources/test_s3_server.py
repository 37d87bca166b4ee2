"""The S3 server is one: it checks signatures, and has the ranges, conditions, parts and pages that the source uses."""

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sources.harness import SourceHarness
from tests.sources.plain_http import PlainClient, StoreRefusedError
from tests.sources.s3_harness import ACCESS_KEY, BUCKET, REGION, SECRET_KEY, WRONG_SECRET, S3Harness
from tests.sources.s3_signature import signer

OpenModel = Callable[[Path], SourceHarness]


@pytest.fixture
def model(models: dict[str, OpenModel], tmp_path: Path) -> S3Harness:
    """An empty prefix."""
    model = models["s3"](tmp_path)
    assert isinstance(model, S3Harness)
    return model


def through_the_proxy(model: S3Harness, secret: str = SECRET_KEY) -> PlainClient:
    return PlainClient(model.store.url, signer(ACCESS_KEY, secret, REGION))


def test_what_is_not_signed_well_is_refused(model: S3Harness) -> None:
    model.put({"config.json": b"{}"})
    path = f"/{BUCKET}/{model.prefix}/config.json"
    assert through_the_proxy(model).send("GET", path)[1] == b"{}"
    with pytest.raises(StoreRefusedError, match="SignatureDoesNotMatch"):
        through_the_proxy(model, WRONG_SECRET).send("GET", path)
    nobody = PlainClient(model.store.url, lambda _method, _path, _query, headers, _body: headers)
    with pytest.raises(StoreRefusedError, match="HTTP 403"):
        nobody.send("GET", path)


def test_ranges_and_conditions(model: S3Harness) -> None:
    model.put({"a": b"0123456789"})
    client, path = through_the_proxy(model), f"/{BUCKET}/{model.prefix}/a"
    etag = client.send("HEAD", path)[0]["ETag"]
    assert etag.strip('"') == hashlib.md5(b"0123456789", usedforsecurity=False).hexdigest()
    headers, body = client.send("GET", path, headers={"Range": "bytes=2-4", "If-Match": etag})
    assert (body, headers["Content-Range"]) == (b"234", "bytes 2-4/10")
    model.change("a", b"9876543210")
    with pytest.raises(StoreRefusedError, match="HTTP 412"):
        client.send("GET", path, headers={"Range": "bytes=2-4", "If-Match": etag})
    with pytest.raises(StoreRefusedError, match="HTTP 416"):
        client.send("GET", path, headers={"Range": "bytes=10-"})


def test_object_in_parts_has_the_etag_of_its_parts(model: S3Harness) -> None:
    content = bytes(6 << 20)
    model.put({"big": content})
    headers, _ = through_the_proxy(model).send("HEAD", f"/{BUCKET}/{model.prefix}/big")
    assert headers["Content-Length"] == str(len(content))
    assert headers["ETag"].strip('"').endswith("-2")


def test_listing_comes_in_pages(model: S3Harness) -> None:
    model.put({f"{number}.json": b"{}" for number in range(5)})
    query = {"list-type": "2", "prefix": f"{model.prefix}/", "max-keys": "3"}
    _, first = through_the_proxy(model).send("GET", f"/{BUCKET}", query)
    assert [key.decode() for key in re.findall(rb"(\d)\.json</Key>", first)] == ["0", "1", "2"]
    token = re.search(rb"<NextContinuationToken>([^<]+)", first)
    assert token is not None
    _, second = through_the_proxy(model).send("GET", f"/{BUCKET}", query | {"continuation-token": token[1].decode()})
    assert [key.decode() for key in re.findall(rb"(\d)\.json</Key>", second)] == ["3", "4"]


def test_checksums_that_an_uploader_gave_are_told(model: S3Harness) -> None:
    path = f"/{BUCKET}/{model.prefix}/summed"
    client = PlainClient(model.store.direct, signer(ACCESS_KEY, SECRET_KEY, REGION))
    client.send(
        "PUT", path, headers={"x-amz-checksum-sha256": "RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o="}, body=b"{}"
    )
    headers, _ = client.send("HEAD", path, headers={"x-amz-checksum-mode": "ENABLED"})
    assert headers["x-amz-checksum-sha256"] == "RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o="
    with pytest.raises(StoreRefusedError, match="HTTP 400"):
        client.send(
            "PUT", path, headers={"x-amz-checksum-sha256": "RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o="}, body=b"[]"
        )
