"""Whatever is wrong with a bundle is said, and nothing of it is seen."""

import hashlib
import io
import tarfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steps.cache import models_root
from steps.cache.bundle_export import export_bundle
from steps.cache.bundle_format import LAYOUT, Blob, Contents, make_documents
from steps.cache.store import ObjectStore
from steps.errors import IntegrityError, InvalidInputError, OmeError, UnsupportedError
from steps.manifest import FileEntry, Manifest
from tests.importing.bundles import WEIGHTS, elsewhere, exported, go, imported, member, members_of, model, tar_of
from tests.importing.models import contents

__all__ = ["elsewhere", "model"]


HOSTILE = {
    "a parent": member("../evil", b"x"),
    "an absolute name": member("/etc/evil", b"x"),
    "a parent below blobs": member("blobs/sha256/../../evil", b"x"),
    "a link": member("blobs/sha256/" + "a" * 64, kind=tarfile.SYMTYPE, linkname="/etc/passwd"),
    "a hard link": member("index.json", kind=tarfile.LNKTYPE, linkname="oci-layout"),
    "a device": member("blobs/sha256/" + "a" * 64, kind=tarfile.CHRTYPE),
    "a pipe": member("blobs/sha256/" + "a" * 64, kind=tarfile.FIFOTYPE),
    "a sparse file": member("blobs/sha256/" + "a" * 64, kind=tarfile.GNUTYPE_SPARSE),
    "a second index": member("index.json", b"{}"),
    "a second index by another spelling": member("./index.json", b"{}"),
    "a name in an extended header": member("x", b"20 path=/etc/passwd\n", kind=tarfile.XHDTYPE),
    "a long name": member("x", b"/etc/passwd\0", kind=tarfile.GNUTYPE_LONGNAME),
    "another folder": member("blobs/sha512", kind=tarfile.DIRTYPE),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_what_no_bundle_has_is_refused(
    case: str, model: Manifest, elsewhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exported(model, tmp_path / "good")
    (tmp_path / "bad").write_bytes(tar_of([*members_of(tmp_path / "good"), HOSTILE[case]]))
    go(elsewhere, monkeypatch)
    with pytest.raises(InvalidInputError) as caught:
        imported(tmp_path / "bad")
    assert str(tmp_path / "bad") in caught.value.message
    assert not models_root().joinpath("tiny").exists()


def test_sizes_that_the_file_cannot_have_are_refused(model: Manifest, tmp_path: Path) -> None:
    exported(model, tmp_path / "good")
    for size in (1 << 60, 4_000_000):
        info, content = member("blobs/sha256/" + "a" * 64, b"x")
        info.size = size
        head = tar_of(members_of(tmp_path / "good"))[:-1024]
        (tmp_path / "bad").write_bytes(head + info.tobuf(tarfile.GNU_FORMAT) + content)
        with pytest.raises(IntegrityError, match=f"is said to have {size} bytes"):
            imported(tmp_path / "bad", "other")


def test_a_bundle_cut_off_anywhere_says_so(
    model: Manifest, elsewhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exported(model, tmp_path / "good")
    content = (tmp_path / "good").read_bytes()
    go(elsewhere, monkeypatch)
    for end in (0, 100, 512, 1500, 6000, len(content) // 2, len(content) - 1025):
        (tmp_path / "bad").write_bytes(content[:end])
        with pytest.raises(IntegrityError, match="bad: "):
            imported(tmp_path / "bad")
        assert not (models_root() / "tiny").exists()


def test_a_changed_blob_is_named(
    model: Manifest, elsewhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exported(model, tmp_path / "bundle", is_folder=True)
    blob = tmp_path / "bundle" / "blobs" / "sha256" / hashlib.sha256(WEIGHTS).hexdigest()
    go(elsewhere, monkeypatch)
    blob.write_bytes(WEIGHTS[:-1] + b"?")
    with pytest.raises(IntegrityError, match=rf"{blob.name} \(sub/model.safetensors\) has the sha256"):
        imported(tmp_path / "bundle")
    blob.write_bytes(WEIGHTS[:-1])
    with pytest.raises(IntegrityError, match=f"has {len(WEIGHTS) - 1} bytes, expected {len(WEIGHTS)}"):
        imported(tmp_path / "bundle")
    blob.unlink()
    with pytest.raises(IntegrityError, match="is missing"):
        imported(tmp_path / "bundle")
    blob.symlink_to("/etc/passwd")
    with pytest.raises(InvalidInputError, match="not a regular file"):
        imported(tmp_path / "bundle")
    assert list(ObjectStore(models_root()).partials()) == []


def test_a_bundle_made_by_somebody_else_is_refused_where_the_digest_is_known(model: Manifest, tmp_path: Path) -> None:
    made = exported(model, tmp_path / "bundle")
    assert imported(tmp_path / "bundle", "second", digest=f"sha256:{made.digest}").name == "second"
    export_bundle("other", model, tmp_path / "other", is_folder=False, on_progress=lambda *_: None)
    with pytest.raises(IntegrityError, match=f"the bundle has the digest sha256:.*, expected sha256:{made.digest}"):
        imported(tmp_path / "other", "third", digest=f"sha256:{made.digest}")
    assert not (models_root() / "third").exists()


def forged(manifest: Manifest, files: dict[str, bytes]) -> bytes:
    """A bundle whose digests all fit, with any manifest over any bytes."""
    blobs = {path: Blob(hashlib.sha256(content).hexdigest(), len(content)) for path, content in files.items()}
    documents = make_documents(Contents("tiny", manifest, blobs))
    parts = {blob.path: content for blob, content in documents.blobs}
    parts |= {blobs[path].path: content for path, content in files.items()}
    return tar_of(
        [member("oci-layout", LAYOUT), member("index.json", documents.index)] + [member(*p) for p in parts.items()]
    )


def test_other_bytes_under_the_digest_of_a_source_are_refused(tmp_path: Path) -> None:
    entry = FileEntry(path="config.json", size=2, algorithm="git-sha1", digest="a" * 40, location="")
    manifest = Manifest(uri="hf://acme/model", revision="1", files=(entry,))
    (tmp_path / "bad").write_bytes(forged(manifest, {"config.json": b"{}"}))
    with pytest.raises(IntegrityError, match=r"\(config.json\) has the git-sha1 .*, expected a{40}"):
        imported(tmp_path / "bad")
    assert list(ObjectStore(models_root()).objects()) == list(ObjectStore(models_root()).partials()) == []


@pytest.mark.parametrize("path", ["../evil", "/etc/evil", "a/../../evil", "a\\b", ".ome/objects", ".ome-model.json"])
def test_names_that_leave_the_folder_are_refused(path: str, tmp_path: Path) -> None:
    entry = FileEntry(path=path, size=2, algorithm="sha256", digest=hashlib.sha256(b"{}").hexdigest(), location="")
    manifest = Manifest(uri="hf://acme/model", revision="1", files=(entry,))
    (tmp_path / "bad").write_bytes(forged(manifest, {path: b"{}"}))
    with pytest.raises(InvalidInputError, match="^file '"):
        imported(tmp_path / "bad")
    assert not (models_root() / "tiny").exists()


def test_bundles_of_others_are_refused_with_a_word(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("this is no bundle at all" * 100)
    with pytest.raises(IntegrityError, match="is no tar"):
        imported(tmp_path / "text")
    index = member("index.json", b'{"schemaVersion":2,"manifests":[]}')
    layout = member("oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
    (tmp_path / "image").write_bytes(tar_of([layout, index]))
    with pytest.raises(UnsupportedError, match="names 0 artifacts"):
        imported(tmp_path / "image")
    (tmp_path / "newer").write_bytes(tar_of([member("oci-layout", b'{"imageLayoutVersion":"2.0.0"}'), index]))
    with pytest.raises(UnsupportedError, match="2.0.0"):
        imported(tmp_path / "newer")


def stored_model(files: dict[str, bytes], root: Path) -> Manifest:
    """A manifest whose objects are in the store, without a source."""
    entries = []
    store = ObjectStore(root)
    for path, content in sorted(files.items()):
        digest = hashlib.sha256(content).hexdigest()
        entry = FileEntry(path=path, size=len(content), algorithm="sha256", digest=digest, location="")
        store.path(entry).write_bytes(content)
        entries.append(entry)
    return Manifest(uri="hf://acme/model", revision="1", files=tuple(entries))


NAMES = st.text("abcxyz.-_ é", min_size=1, max_size=12).filter(lambda name: name not in (".", ".."))
ANY_FILES = st.dictionaries(NAMES, st.binary(max_size=2000), min_size=1, max_size=5)


@settings(max_examples=40)
@given(files=ANY_FILES, data=st.data())
def test_any_bundle_comes_back_and_no_changed_byte_gets_through(
    files: dict[str, bytes], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = tmp_path_factory.mktemp("bundle")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OME_DISK_RESERVE", "1Mi")
        patch.setenv("OME_HOME", str(place / "here"))
        manifest = stored_model(files, models_root())
        try:
            exported(manifest, place / "bundle")
            patch.setenv("OME_HOME", str(place / "there"))
            found = imported(place / "bundle")
        except InvalidInputError as error:
            assert "where case does not count" in error.message
            return
        assert found.manifest == manifest
        assert contents(found.imported.path) == files
        content = bytearray((place / "bundle").read_bytes())
        position = data.draw(st.integers(0, len(content) - 1))
        content[position] ^= 1 << data.draw(st.integers(0, 7))
        (place / "changed").write_bytes(content)
        patch.setenv("OME_HOME", str(place / "third"))
        try:
            changed = imported(place / "changed", "tiny")
        except OmeError as error:
            assert type(error) is not OmeError
            assert not (models_root() / "tiny").exists()
        else:
            assert contents(changed.imported.path) == files
            assert changed.manifest == manifest


TAR_NAMES = st.sampled_from(["index.json", "oci-layout", "blobs", "../x", "x"])
TAR_KINDS = st.sampled_from([b"0", b"5", b"2", b"x", b"g", b"L"])
ANY_TARS = st.lists(st.tuples(TAR_NAMES, st.binary(max_size=300), TAR_KINDS), max_size=6).map(
    lambda rows: tar_of([member(*row) for row in rows])
)


@settings(max_examples=60)
@given(content=st.one_of(st.binary(max_size=4000), ANY_TARS))
def test_no_content_brings_an_error_without_a_class(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    place = tmp_path_factory.mktemp("any") / "bundle"
    place.write_bytes(content)
    with pytest.raises(OmeError) as caught:
        imported(place, "any")
    assert type(caught.value) in (IntegrityError, InvalidInputError, UnsupportedError)


def test_helpers_make_tars_that_others_read() -> None:
    with tarfile.open(fileobj=io.BytesIO(tar_of([member("a", b"b")]))) as archive:
        assert archive.getnames() == ["a"]
