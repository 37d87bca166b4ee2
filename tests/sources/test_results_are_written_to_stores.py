"""Results go into the folder that is named: at every store, in place of themselves, with the errors of a read."""

import os
from pathlib import Path

import pytest

from steps.errors import AuthError, InvalidInputError, NotFoundError, OmeError, UnsupportedError
from steps.sources import ResolveOptions, open_source
from steps.sources.destination import destination_of, open_destination
from tests.sources.gs_account import make_key_file
from tests.sources.gs_harness import GcsHarness
from tests.sources.harness import SourceHarness

PAGE = b"<p>12 ms</p>"
LARGE = os.urandom(6_000_000)

at_each_store = pytest.mark.parametrize("harness", ["s3", "gs", "az", "oci"], indirect=True)


@pytest.fixture
def store(harness: SourceHarness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SourceHarness:
    """An empty prefix, with credentials that may write: Google's client does not write as anyone may."""
    if isinstance(harness, GcsHarness):
        path, key = make_key_file(tmp_path)
        harness.open_for(key)
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    return harness


def stored(uri: str) -> dict[str, bytes]:
    source = open_source(uri, {})
    files = source.resolve(ResolveOptions()).files
    return {file.path: source.read(file, 0, file.size) for file in files}


def put(uri: str, **files: bytes) -> None:
    found = open_destination(destination_of(uri, "nightly"), {})
    for name, content in files.items():
        found.put(f"{name}.html", content, "text/html; charset=utf-8")


@at_each_store
def test_files_are_put_below_the_prefix_and_again_in_place_of_themselves(store: SourceHarness) -> None:
    store.put({"kept": b"of somebody else", "nightly/old.html": b"of an earlier run"})
    for content in (b"first", PAGE):
        put(store.uri, report=content, large=LARGE)
    assert stored(f"{store.uri}/nightly") == {
        "report.html": PAGE,
        "large.html": LARGE,
        "old.html": b"of an earlier run",
    }
    assert stored(store.uri)["kept"] == b"of somebody else"


@pytest.mark.parametrize("harness", ["s3", "gs", "az"], indirect=True)
def test_a_browser_is_told_that_a_page_is_one(store: SourceHarness) -> None:
    import obstore

    put(store.uri, report=PAGE)
    source = open_source(store.uri, {})
    (file,) = source.resolve(ResolveOptions()).files
    address = source.address(file)
    found = obstore.get(address.store, address.key)  # type: ignore[union-attr]  # a store's
    assert found.attributes["Content-Type"] == "text/html; charset=utf-8"


@at_each_store
def test_a_bucket_that_is_not_there_is_named(store: SourceHarness) -> None:
    with pytest.raises(NotFoundError, match="nobody-made-this.*bucket does not exist|container does not exist"):
        put(store.missing_uri, report=PAGE)


@at_each_store
def test_credentials_that_are_wrong_are_told_with_how_to_give_others(
    store: SourceHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in store.deny().items():
        monkeypatch.setenv(name, value)
    with pytest.raises(AuthError) as error:
        put(store.uri, report=PAGE)
    assert any(word in error.value.remedy for word in store.credential_words)
    assert not any(secret in f"{error.value.message} {error.value.remedy}" for secret in store.secrets)


@pytest.mark.parametrize("harness", ["gs"], indirect=True)
def test_google_is_not_asked_for_the_identity_of_the_machine(harness: SourceHarness) -> None:
    with pytest.raises(AuthError, match="nothing is written without credentials") as error:
        put(harness.uri, report=PAGE)
    assert "parameters.auth to instance" in error.value.remedy


@at_each_store
def test_a_store_that_is_busy_is_asked_again(store: SourceHarness) -> None:
    store.set_faults(store.throttled(times=2, retry_after=0))
    put(store.uri, report=PAGE)
    store.set_faults()
    assert stored(store.uri) == {"nightly/report.html": PAGE}


@pytest.mark.parametrize(
    ("uri", "folder", "is_at"),
    [
        ("s3://b", "r", "s3://b/r"),
        ("s3://b@eu-west-1/a/b/", "run-1", "s3://b@eu-west-1/a/b/run-1"),
        ("gs://b/a", "r", "gs://b/a/r"),
        ("az://acme.blob.core.windows.net/results/a", "r", "az://acme/results/a/r"),
        ("oci://n/acme/b/results/o/a/b", "r", "oci://n/acme/b/results/o/a/b/r"),
        ("oci://n/acme/b/results", "r", "oci://n/acme/b/results/o/r"),
    ],
)
def test_a_folder_is_below_the_prefix(uri: str, folder: str, is_at: str) -> None:
    assert str(destination_of(uri, folder)) == is_at


@pytest.mark.parametrize(
    ("uri", "folder", "kind", "told"),
    [
        ("pvc://claim/results", "r", UnsupportedError, "pvc://claim/results"),
        ("local:///results", "r", UnsupportedError, "local:///results"),
        ("github://acme/results", "r", UnsupportedError, "github://acme/results"),
        ("oci://ghcr.io:443/acme/results:1", "r", UnsupportedError, "ghcr.io"),
        ("s3://b/a", "", InvalidInputError, 'result_folder: ""'),
        ("s3://b/a", "..", InvalidInputError, 'result_folder: ".."'),
        ("s3://b/a", "/etc", InvalidInputError, 'result_folder: "/etc"'),
        ("s3://b/a", "../other", InvalidInputError, 'result_folder: "../other"'),
        ("s3://b/a", "a\nb", InvalidInputError, "is not a folder's name"),
        ("s3://b/a", "n" * 256, InvalidInputError, "256 bytes long"),
        ("s3://b/a/../c", "r", InvalidInputError, '".."'),
        ("s3://b/a//c", "r", InvalidInputError, "empty part"),
        ("s3://b/it's", "r", InvalidInputError, "a quotation mark"),
        ("nonsense", "r", InvalidInputError, "no scheme"),
    ],
)
def test_what_is_no_place_for_results_is_refused_with_what_is_accepted(
    uri: str, folder: str, kind: type[OmeError], told: str
) -> None:
    with pytest.raises(kind) as error:
        destination_of(uri, folder)
    assert told in error.value.message
    assert error.value.remedy
