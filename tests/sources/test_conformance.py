"""What every source must do: list, pin, read, import, and say no with the right class.

How transfers go wrong is in `test_conformance_of_transfers.py`; docs/sources.md tells how to run both against a source
of one's own.
"""

import pytest

from steps.cache import import_model, models_root
from steps.errors import AuthError, InvalidInputError, NotFoundError
from tests.sources.conformance import (
    FILES,
    HOSTILE_NAMES,
    INNOCENT,
    ODD_NAMES,
    OTHER_WEIGHTS,
    SIZE,
    WEIGHTS,
    contents,
    entry,
    every_source,
    fetch,
    importing,
    is_in_models_root,
    noise,
    opened,
    read,
    resolve,
    sources_with,
)
from tests.sources.harness import SourceHarness


@every_source
def test_listing_has_every_file_with_its_size(harness: SourceHarness) -> None:
    harness.put(FILES)
    manifest = resolve(harness)
    assert {file.path: file.size for file in manifest.files} == {path: len(content) for path, content in FILES.items()}
    assert manifest.total_bytes == SIZE
    assert manifest.revision
    assert all(file.digest for file in manifest.files), "a file without a digest cannot be verified"


@every_source
def test_import_brings_the_same_bytes(harness: SourceHarness) -> None:
    harness.put(FILES)
    imported = fetch(harness)
    assert contents(imported.path) == FILES
    assert imported.fetched_bytes + imported.reused_bytes == SIZE


@every_source
def test_second_import_fetches_nothing(harness: SourceHarness) -> None:
    harness.put(FILES)
    manifest = resolve(harness)
    import_model(manifest, "model")
    assert import_model(manifest, "model").fetched_bytes == 0


@every_source
def test_empty_files_are_files(harness: SourceHarness) -> None:
    files = {**FILES, "empty.txt": b"", "none.safetensors": b""}
    harness.put(files)
    manifest = resolve(harness)
    assert entry(manifest, "empty.txt").size == 0
    assert read(harness, manifest, "empty.txt", 0, 10) == b""
    assert contents(import_model(manifest, "model").path) == files


@sources_with("folders")
def test_odd_names_come_as_they_are(harness: SourceHarness) -> None:
    files = {name: name.encode() for name in ODD_NAMES}
    harness.put(files)
    manifest = resolve(harness)
    assert {file.path for file in manifest.files} == set(files)
    assert [read(harness, manifest, name, 0, 99) for name in ODD_NAMES] == list(files.values())
    assert contents(import_model(manifest, "model").path) == files


@sources_with("folder markers")
def test_objects_that_stand_for_folders_are_no_files(harness: SourceHarness) -> None:
    harness.put({"": b"", "sub/": b"", "sub/config.json": b"{}"})
    assert contents(fetch(harness).path) == {"sub/config.json": b"{}"}


@sources_with("neighbours")
def test_neighbour_whose_name_begins_alike_is_another_model(harness: SourceHarness) -> None:
    harness.put({"config.json": b"{}"})
    harness.put_beside({"config.json": b"[]", "more.json": b"{}"})
    assert contents(fetch(harness).path) == {"config.json": b"{}"}


@every_source
def test_more_files_than_a_page_are_all_listed_and_imported(harness: SourceHarness) -> None:
    files = {f"shard-{number:05}.json": f"{number}".encode() for number in range(harness.many)}
    harness.put(files)
    manifest = resolve(harness)
    assert [file.path for file in manifest.files] == sorted(files)
    assert contents(import_model(manifest, "model").path) == files


@sources_with("parts")
def test_large_file_that_its_source_keeps_in_parts(harness: SourceHarness) -> None:
    large = noise(12_000_000, 3)
    harness.put({"model.safetensors": large})
    manifest = resolve(harness)
    assert read(harness, manifest, "model.safetensors", 5_242_000, 5_243_000) == large[5_242_000:5_243_000]
    assert contents(import_model(manifest, "model").path) == {"model.safetensors": large}


@every_source
def test_patterns_choose_files(harness: SourceHarness) -> None:
    harness.put({**FILES, "notes.md": b"notes"})
    chosen = resolve(harness, allow_patterns=("*.json", "*.md"), ignore_patterns=("notes*",))
    assert [file.path for file in chosen.files] == ["config.json"]
    assert {left.path for left in chosen.left_out} == {"model.safetensors", "notes.md"}
    assert contents(import_model(chosen, "model").path) == {"config.json": FILES["config.json"]}


@every_source
def test_nothing_left_after_the_patterns_is_not_found(harness: SourceHarness) -> None:
    harness.put(FILES)
    with pytest.raises(NotFoundError) as caught:
        resolve(harness, allow_patterns=("*.onnx",))
    assert "allowPatterns" in caught.value.remedy


@every_source
def test_ranges_are_read(harness: SourceHarness) -> None:
    harness.put(FILES)
    manifest, size = resolve(harness), len(WEIGHTS)
    assert read(harness, manifest, "model.safetensors", 0, 8) == WEIGHTS[:8]
    assert read(harness, manifest, "model.safetensors", 1_000_000, 1_300_001) == WEIGHTS[1_000_000:1_300_001]
    assert read(harness, manifest, "model.safetensors", size - 5, size) == WEIGHTS[-5:]
    assert read(harness, manifest, "model.safetensors", size - 5, size + 100) == WEIGHTS[-5:]
    assert read(harness, manifest, "model.safetensors", size, size + 100) == b""
    assert read(harness, manifest, "model.safetensors", 7, 7) == b""
    with pytest.raises(InvalidInputError):
        read(harness, manifest, "model.safetensors", 8, 7)


@every_source
def test_same_files_have_the_same_manifest_and_others_another(harness: SourceHarness) -> None:
    harness.put(FILES)
    first = resolve(harness)
    assert resolve(harness).digest == first.digest
    harness.change("model.safetensors", OTHER_WEIGHTS)
    second = resolve(harness)
    assert second.digest != first.digest
    harness.remove("config.json")
    assert resolve(harness).digest not in (first.digest, second.digest)


@every_source
def test_file_that_changed_since_it_was_resolved_is_not_imported(harness: SourceHarness) -> None:
    harness.put(FILES)
    manifest = resolve(harness)
    harness.change("model.safetensors", OTHER_WEIGHTS)
    if "keeps old revisions" in harness.capabilities:
        assert contents(import_model(manifest, "model").path) == FILES
        return
    with pytest.raises(harness.changed_error, match=r"model\.safetensors") as caught:
        import_model(manifest, "model")
    assert "import" in caught.value.remedy.lower() or "run again" in caught.value.remedy.lower()
    assert not is_in_models_root(models_root())
    assert contents(fetch(harness).path)["model.safetensors"] == OTHER_WEIGHTS


@sources_with("pinned reads")
def test_file_that_changed_since_it_was_resolved_is_not_read(harness: SourceHarness) -> None:
    harness.put(FILES)
    manifest = resolve(harness)
    harness.change("model.safetensors", OTHER_WEIGHTS)
    if "keeps old revisions" in harness.capabilities:
        assert read(harness, manifest, "model.safetensors", 100, 200) == WEIGHTS[100:200]
        return
    with pytest.raises(harness.changed_error, match=r"model\.safetensors"):
        read(harness, manifest, "model.safetensors", 100, 200)


@sources_with("removals")
def test_file_that_was_removed_since_it_was_resolved_is_named(harness: SourceHarness) -> None:
    harness.put(FILES)
    manifest = resolve(harness)
    harness.remove("model.safetensors")
    with pytest.raises((NotFoundError, *harness.changed_error), match=r"model\.safetensors"):
        import_model(manifest, "model")
    assert not is_in_models_root(models_root())


@every_source
def test_place_that_does_not_exist_is_not_found(harness: SourceHarness) -> None:
    from steps.sources import ResolveOptions

    with pytest.raises(NotFoundError) as caught:
        opened(harness, harness.missing_uri).resolve(ResolveOptions())
    assert harness.missing_uri.rpartition("/")[2] in caught.value.message
    assert caught.value.remedy


@every_source
def test_place_without_files_is_not_found(harness: SourceHarness) -> None:
    harness.put({"config.json": b"{}"})
    harness.remove("config.json")
    with pytest.raises(NotFoundError) as caught:
        resolve(harness)
    assert caught.value.remedy


@sources_with("credentials")
def test_refused_credentials_say_how_to_give_others(harness: SourceHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    harness.put(FILES)
    for name, value in harness.deny().items():
        monkeypatch.setenv(name, value)
    with pytest.raises(AuthError) as caught:
        resolve(harness)
    _tells_how_to_get_in(harness, caught.value)


@sources_with("credentials")
def test_credentials_that_are_lost_before_the_import(harness: SourceHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    harness.put(FILES)
    manifest = resolve(harness)
    for name, value in harness.deny().items():
        monkeypatch.setenv(name, value)
    with pytest.raises(AuthError) as caught:
        import_model(manifest, "model")
    _tells_how_to_get_in(harness, caught.value)
    assert not is_in_models_root(models_root())


def _tells_how_to_get_in(harness: SourceHarness, error: AuthError) -> None:
    assert any(word in error.remedy for word in harness.credential_words), error.remedy
    for secret in harness.secrets:
        assert secret not in f"{error.message} {error.remedy}"


@every_source
def test_names_that_differ_in_case_alone_are_refused(harness: SourceHarness) -> None:
    harness.put({"README.json": b"{}", "readme.json": b"[]"})
    with pytest.raises(InvalidInputError) as caught:
        resolve(harness)
    assert "README.json" in caught.value.message and "readme.json" in caught.value.message


@sources_with("listing rewrite")
@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_names_that_lead_elsewhere_are_refused(harness: SourceHarness, name: str) -> None:
    harness.put({"config.json": b"{}", INNOCENT: b"{}"})
    harness.list_as(INNOCENT, name)
    with pytest.raises(InvalidInputError) as caught:
        resolve(harness)
    assert "evil" in caught.value.message


@sources_with("faults")
def test_two_imports_at_once_fetch_each_byte_once(harness: SourceHarness) -> None:
    harness.put(FILES)
    manifest = resolve(harness)
    harness.ledger.clear()
    with importing(manifest, "first") as first, importing(manifest, "second") as second:
        pass
    assert contents(first.result().path) == contents(second.result().path) == FILES
    assert first.result().fetched_bytes + second.result().fetched_bytes == SIZE
