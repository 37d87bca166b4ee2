"""A model on this machine is linked where that can be, copied where not, and hashed in either case."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from crds.storage_uri import LocalUri
from steps.cache import import_model, models_root, remove_model
from steps.errors import IntegrityError, InvalidInputError, NotFoundError, UnsupportedError
from steps.source_inputs import SourceInputs
from steps.sources import open_source, read_range
from steps.sources.local import LocalSource
from steps.sources.source import ResolveOptions
from tests.importing.models import contents, entry, fetch, noise, resolve
from tests.not_run import not_run

WEIGHTS = noise(2_000_000, 1)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model's folder."""
    folder = tmp_path / "mine"
    (folder / "sub").mkdir(parents=True)
    (folder / "config.json").write_bytes(b"{}")
    (folder / "sub" / "model.safetensors").write_bytes(WEIGHTS)
    return folder


@pytest.fixture
def somebody() -> int:
    """A user whom permissions bind: root is bound by none."""
    return os.getuid() or 65532


def list_files(folder: Path) -> None:
    LocalSource(LocalUri(path=str(folder))).listed(ResolveOptions())


def test_folder_is_linked(model: Path) -> None:
    imported = fetch(f"local://{model}")
    assert contents(imported.path) == {"config.json": b"{}", "sub/model.safetensors": WEIGHTS}
    linked = (imported.path / "sub/model.safetensors").stat()
    assert linked.st_ino == (model / "sub/model.safetensors").stat().st_ino
    assert (imported.fetched_bytes, imported.reused_bytes) == (0, len(WEIGHTS) + 2)
    assert linked.st_mode & 0o200, "the user's own file stays as it was"


def test_one_file(model: Path) -> None:
    imported = fetch(f"local://{model}/sub/model.safetensors")
    assert contents(imported.path) == {"model.safetensors": WEIGHTS}


def test_other_file_system_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = Path("/dev/shm")
    if not os.access(shared, os.W_OK) or shared.stat().st_dev == tmp_path.stat().st_dev:
        not_run("there is no second file system", "Make /dev/shm writable and a file system of its own.")
    source = shared / f"ome-test-{os.getpid()}.safetensors"
    source.write_bytes(WEIGHTS)
    try:
        imported = fetch(f"local://{source}")
        assert contents(imported.path) == {source.name: WEIGHTS}
        assert imported.fetched_bytes == len(WEIGHTS)
    finally:
        source.unlink()


def test_removing_the_model_leaves_the_users_files(model: Path) -> None:
    remove_model(fetch(f"local://{model}").path)
    assert (model / "sub/model.safetensors").read_bytes() == WEIGHTS


def test_second_import_costs_nothing(model: Path) -> None:
    manifest = resolve(f"local://{model}")
    import_model(manifest, "model")
    (model / "config.json").unlink()
    assert import_model(manifest, "model").fetched_bytes == 0


def test_file_that_changed_since_resolve_is_named(model: Path) -> None:
    manifest = resolve(f"local://{model}")
    (model / "config.json").write_bytes(b"[]")
    with pytest.raises(IntegrityError, match=r"config\.json"):
        import_model(manifest, "model")


def test_linked_file_that_its_owner_rewrites_is_not_trusted(model: Path) -> None:
    manifest = resolve(f"local://{model}")
    import_model(manifest, "model")
    (model / "config.json").write_bytes(b"[]")
    with pytest.raises(IntegrityError, match=r"config\.json"):
        import_model(manifest, "model")
    again = fetch(f"local://{model}")
    assert contents(again.path)["config.json"] == b"[]"


def test_file_that_is_gone_is_named(model: Path) -> None:
    manifest = resolve(f"local://{model}")
    (model / "config.json").unlink()
    with pytest.raises(NotFoundError, match=r"config\.json"):
        import_model(manifest, "model")


def test_ranges_are_read_in_place(model: Path) -> None:
    manifest = resolve(f"local://{model}")
    file = entry(manifest, "sub/model.safetensors")
    assert read_range(open_source(manifest.uri), file, 10, 20) == WEIGHTS[10:20]
    assert not any(models_root().glob("*"))


def test_link_out_of_the_folder_is_refused(model: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (model / "notes.txt").symlink_to(tmp_path / "secret")
    with pytest.raises(InvalidInputError, match=r"notes\.txt is a link out") as caught:
        resolve(f"local://{model}")
    assert "cp -rL" in caught.value.remedy


def test_link_inside_the_folder_is_taken_as_its_file(model: Path) -> None:
    (model / "alias.json").symlink_to(model / "config.json")
    assert contents(fetch(f"local://{model}").path)["alias.json"] == b"{}"


def test_link_to_a_folder_is_refused_since_its_files_would_be_missing(model: Path) -> None:
    (model / "weights").symlink_to(model / "sub")
    with pytest.raises(InvalidInputError, match="weights is a link to a folder"):
        resolve(f"local://{model}")


def test_folder_without_files_is_told_as_such(tmp_path: Path) -> None:
    (tmp_path / "empty" / "sub").mkdir(parents=True)
    with pytest.raises(NotFoundError, match="there are no files"):
        resolve(f"local://{tmp_path}/empty")


@pytest.mark.parametrize("closed", [".", "sub"])
def test_folder_that_may_not_be_looked_into_is_no_empty_one(model: Path, somebody: int, closed: str) -> None:
    shared = Path(tempfile.mkdtemp(prefix="ome-test-"))  # pytest's own folders are closed to others
    try:
        copied = Path(shutil.copytree(model, shared / "mine"))
        shared.chmod(0o755)
        (copied / closed).chmod(0)
        os.seteuid(somebody)
        with pytest.raises(InvalidInputError, match="cannot be read") as caught:
            list_files(copied)
        assert f"Give user {somebody}" in caught.value.remedy
        assert str((copied / closed).absolute()) in caught.value.message
    finally:
        os.seteuid(os.getuid())
        (shared / "mine" / closed).chmod(0o755)
        shutil.rmtree(shared)


def test_pipe_is_refused(model: Path) -> None:
    os.mkfifo(model / "pipe.json")
    with pytest.raises(InvalidInputError, match=r"pipe\.json is not a regular file"):
        resolve(f"local://{model}")


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="nowhere"):
        resolve(f"local://{tmp_path}/nowhere")


def test_relative_path_is_refused_with_the_absolute_one() -> None:
    with pytest.raises(InvalidInputError) as caught:
        resolve("local://./model")
    assert f"local://{Path.cwd()}/model" in caught.value.remedy


def test_revision_is_refused(model: Path) -> None:
    with pytest.raises(InvalidInputError, match="revision"):
        resolve(f"local://{model}", revision="main")


def test_same_content_has_the_same_manifest(model: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    for path, content in contents(model).items():
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        (copy / path).write_bytes(content)
    assert resolve(f"local://{model}").digest == resolve(f"local://{copy}").digest


def test_pod_takes_no_folder_of_its_own_image(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert SourceInputs(uri=f"local://{model}").manifest_of().files
    monkeypatch.setenv("OME_CLUSTER_NAMESPACE", "ome")
    with pytest.raises(UnsupportedError, match="is a folder of one machine") as caught:
        SourceInputs(uri=f"local://{model}").manifest_of()
    assert "pvc://" in caught.value.remedy and "ome import" in caught.value.remedy
