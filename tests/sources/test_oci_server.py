"""The OCI server is what it says: OCI's own SDK reads and writes it, and what is not signed well is refused."""

import hashlib
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import oci  # type: ignore[import-untyped]
import pytest
from oci.object_storage import ObjectStorageClient  # type: ignore[import-untyped]
from oci.object_storage.models import (  # type: ignore[import-untyped]
    CommitMultipartUploadDetails,
    CommitMultipartUploadPartDetails,
    CreateMultipartUploadDetails,
)

from tests.sources.background import Background
from tests.sources.oci_account import make_account
from tests.sources.oci_objects import Bucket
from tests.sources.oci_server import OciServer
from tests.sources.proxy import FaultyProxy

NAMES = ("a.json", "deep/er/config.json", "with blank+plus%20.json", "hash#question?.json", "日本語.json", "empty")


@pytest.fixture
def server(tmp_path: Path, background: Background) -> Iterator[tuple[OciServer, ObjectStorageClient]]:
    """A server with one empty bucket behind a proxy, and a client that it trusts."""
    account = make_account(tmp_path)
    server = OciServer("acme", {account.key_id: account.public_key}, page_size=2)
    server.buckets["models"] = Bucket()
    with background.serving(server.handle) as direct:
        proxy = FaultyProxy(direct)
        with background.serving(proxy.handle) as url:
            yield server, client(account.config, url)
            background.run(proxy.close())


def client(config: Path, url: str) -> ObjectStorageClient:
    return ObjectStorageClient(
        oci.config.from_file(str(config)), service_endpoint=url, retry_strategy=oci.retry.NoneRetryStrategy()
    )


def code_of(caught: "pytest.ExceptionInfo[oci.exceptions.ServiceError]") -> tuple[int, str]:
    assert caught.value.request_id
    return caught.value.status, caught.value.code


def test_objects_come_back_as_they_were_put(server: tuple[OciServer, ObjectStorageClient]) -> None:
    _, sdk = server
    assert sdk.get_namespace().data == "acme"
    for name in NAMES:
        sdk.put_object("acme", "models", name, b"" if name == "empty" else name.encode())
        got = sdk.get_object("acme", "models", name)
        assert got.data.content == (b"" if name == "empty" else name.encode())
    head = sdk.head_object("acme", "models", "a.json").headers
    assert head["content-md5"] == b64encode(hashlib.md5(b"a.json", usedforsecurity=False).digest()).decode()
    assert head["content-length"] == "6"
    sdk.delete_object("acme", "models", "a.json")
    with pytest.raises(oci.exceptions.ServiceError) as caught:
        sdk.get_object("acme", "models", "a.json")
    assert code_of(caught) == (404, "ObjectNotFound")


def test_listing_comes_in_pages(server: tuple[OciServer, ObjectStorageClient]) -> None:
    _, sdk = server
    for name in (*(f"in/{number}" for number in range(5)), "other"):
        sdk.put_object("acme", "models", name, b"x")
    first = sdk.list_objects("acme", "models", prefix="in/", fields="name,size,etag,md5").data
    assert [(row.name, row.size) for row in first.objects] == [("in/0", 1), ("in/1", 1)]
    assert first.next_start_with == "in/2"
    assert first.objects[0].etag
    rows = oci.pagination.list_call_get_all_results(sdk.list_objects, "acme", "models", prefix="in/").data.objects
    assert [row.name for row in rows] == [f"in/{number}" for number in range(5)]
    assert rows[0].size is None, "without `fields` a listing has the names alone"


def test_ranges_and_conditions(server: tuple[OciServer, ObjectStorageClient]) -> None:
    _, sdk = server
    etag = sdk.put_object("acme", "models", "a", b"0123456789").headers["etag"]
    part = sdk.get_object("acme", "models", "a", range="bytes=2-4", if_match=etag)
    assert (part.status, part.data.content, part.headers["content-range"]) == (206, b"234", "bytes 2-4/10")
    assert sdk.put_object("acme", "models", "a", b"0123456789").headers["etag"] != etag
    with pytest.raises(oci.exceptions.ServiceError) as caught:
        sdk.get_object("acme", "models", "a", range="bytes=2-4", if_match=etag)
    assert code_of(caught)[0] == 412
    with pytest.raises(oci.exceptions.ServiceError) as caught:
        sdk.get_object("acme", "models", "a", range="bytes=10-")
    assert code_of(caught)[0] == 416


def test_uploads_in_parts(server: tuple[OciServer, ObjectStorageClient]) -> None:
    _, sdk = server
    upload = sdk.create_multipart_upload("acme", "models", CreateMultipartUploadDetails(object="big")).data.upload_id
    parts = []
    for number, content in ((1, b"one"), (2, b"two")):
        etag = sdk.upload_part("acme", "models", "big", upload, number, content).headers["etag"]
        parts.append(CommitMultipartUploadPartDetails(part_num=number, etag=etag))
    sdk.commit_multipart_upload("acme", "models", "big", upload, CommitMultipartUploadDetails(parts_to_commit=parts))
    head = sdk.head_object("acme", "models", "big").headers
    assert head["opc-multipart-md5"].endswith("-2")
    assert "content-md5" not in head
    assert sdk.get_object("acme", "models", "big").data.content == b"onetwo"


def test_what_another_key_signs_is_refused(server: tuple[OciServer, ObjectStorageClient], tmp_path: Path) -> None:
    running, sdk = server
    unknown = make_account(tmp_path, number=1)
    forger = make_account(tmp_path, number=0)  # the same key id, another key
    for account, problem in ((unknown, "the key is not known"), (forger, "the signature is wrong")):
        with pytest.raises(oci.exceptions.ServiceError) as caught:
            client(account.config, sdk.base_client.endpoint).get_namespace()
        assert code_of(caught) == (401, "NotAuthenticated")
        assert running.refused[-1] == problem


def test_closed_bucket_is_answered_as_one_that_is_not_there(server: tuple[OciServer, ObjectStorageClient]) -> None:
    running, sdk = server
    running.closed.add("models")
    for bucket in ("models", "none"):
        with pytest.raises(oci.exceptions.ServiceError) as caught:
            sdk.list_objects("acme", bucket)
        assert code_of(caught) == (404, "BucketNotFound")
