"""What the answer to a request for a range means, whichever client has sent it."""

import pytest

from steps.errors import IntegrityError, NetworkError
from steps.manifest import FileEntry
from steps.sources.ranged_request import RangedRequest
from steps.sources.source import RemoteAddress

SIZE = 1000
URL = "https://hub.example/acme/model/weights"
REQUEST = RangedRequest(
    "hf://acme/model weights",
    FileEntry(path="weights", size=SIZE, algorithm="sha256", digest="0" * 64, location="/weights"),
    RemoteAddress(URL, named_by="HF_ENDPOINT"),
    URL,
    100,
    200,
)


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("https://store.example/a?X=1", "https://store.example/a?X=1"),
        ("/elsewhere", "https://hub.example/elsewhere"),
        ("//store.example/a", "https://store.example/a"),
    ],
)
def test_a_redirect_is_followed_from_where_it_was_met(location: str, url: str) -> None:
    assert REQUEST.sent_on_to(302, {"Location": location}) == url


@pytest.mark.parametrize(
    "location",
    ["http://[::1", "https://store:port/a", "https://store:99999/a", "http:", "ftp://store/a", "file:///etc/passwd"],
)
def test_a_redirect_to_no_address_over_http_is_told(location: str) -> None:
    with pytest.raises(NetworkError, match="is no address over HTTP") as caught:
        REQUEST.sent_on_to(302, {"Location": f"{location}?Signature=secret"})
    assert location in caught.value.message and "HF_ENDPOINT" in caught.value.remedy
    assert "secret" not in caught.value.message


@pytest.mark.parametrize("span", ["bytes 100-199/1000", "bytes 100-150/1000", "bytes 100-199/*"])
def test_the_bytes_that_were_asked_for_are_taken(span: str) -> None:
    assert REQUEST.sent_on_to(206, {"Content-Range": span}) == ""


@pytest.mark.parametrize(
    "span", ["", "bytes 101-199/1000", "bytes 1000-1099/1100", "bytes 100-199/²", f"bytes 100-199/{'9' * 5000}"]
)
def test_other_bytes_are_told_as_what_they_are(span: str) -> None:
    with pytest.raises(NetworkError, match='asked for bytes from 100, got "') as caught:
        REQUEST.sent_on_to(206, {"Content-Range": span})
    assert len(caught.value.message) < 300


def test_bytes_of_a_file_of_another_size_are_not_taken() -> None:
    with pytest.raises(IntegrityError, match="has 1001 bytes, the manifest says 1000"):
        REQUEST.sent_on_to(206, {"Content-Range": "bytes 100-199/1001"})
