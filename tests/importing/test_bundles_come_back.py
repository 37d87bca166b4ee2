"""A model goes to one file and comes back the same, also after a kill, and its bytes are always the same."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import tarfile
import threading
from pathlib import Path

import pytest

from steps.cache import import_model, models_root
from steps.cache.bundle_import import import_bundle
from steps.cache.collection import collect_garbage
from steps.cache.store import ObjectStore
from steps.errors import DiskFullError, IntegrityError, InvalidInputError, UnsafeError
from steps.manifest import Manifest
from tests.hub.fixture import RunningHub
from tests.importing.bundles import FILES, WEIGHTS, elsewhere, exported, go, imported, model
from tests.importing.models import contents, entry, noise, resolve
from tests.importing.pickled import touching

__all__ = ["elsewhere", "model"]


@pytest.mark.parametrize("is_folder", [False, True])
def test_a_model_comes_back_as_it_was(
    model: Manifest, elsewhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_folder: bool
) -> None:
    exported(model, tmp_path / "bundle", is_folder=is_folder)
    go(elsewhere, monkeypatch)
    found = imported(tmp_path / "bundle")
    assert (found.name, found.manifest) == ("tiny", model)
    assert found.imported.fetched_bytes == len(WEIGHTS) + 2
    assert contents(found.imported.path) == FILES
    again = imported(tmp_path / "bundle")
    assert again.imported.fetched_bytes == 0
    second = imported(tmp_path / "bundle", "second")
    assert second.imported.fetched_bytes == 0, "its objects are shared"
    assert import_model(model, "tiny").fetched_bytes == 0, "an import finds it, without the source"


def test_one_model_makes_the_same_bytes(model: Manifest, tmp_path: Path) -> None:
    first, second = exported(model, tmp_path / "one"), exported(model, tmp_path / "two")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert (first.digest, first.size) == (second.digest, (tmp_path / "one").stat().st_size)
    assert sorted(p.name for p in tmp_path.glob(".*")) == []


def test_a_bundle_is_an_oci_layout_of_a_modelpack_artifact(model: Manifest, tmp_path: Path) -> None:
    exported(model, tmp_path / "bundle", is_folder=True)
    exported(model, tmp_path / "bundle.tar")
    with tarfile.open(tmp_path / "bundle.tar") as archive:
        names = archive.getnames()
        archive.extractall(tmp_path / "unpacked")  # noqa: S202 - ours; Python 3.11.2 has no filter yet
    assert contents(tmp_path / "unpacked") == contents(tmp_path / "bundle")
    assert names[:2] == ["oci-layout", "index.json"]
    blobs = contents(tmp_path / "bundle" / "blobs" / "sha256")
    assert all(hashlib.sha256(content).hexdigest() == name for name, content in blobs.items())
    (top,) = json.loads((tmp_path / "bundle" / "index.json").read_bytes())["manifests"]
    artifact = json.loads(blobs[top["digest"][7:]])
    assert artifact["artifactType"] == top["artifactType"] == "application/vnd.cncf.model.manifest.v1+json"
    layers = {layer["annotations"]["org.cncf.model.filepath"]: layer for layer in artifact["layers"]}
    for path, content in FILES.items():
        assert blobs[layers[path]["digest"][7:]] == content
    assert layers["sub/model.safetensors"]["mediaType"] == "application/vnd.cncf.model.weight.v1.raw"
    config = json.loads(blobs[artifact["config"]["digest"][7:]])
    assert config["descriptor"] == {"name": "tiny", "sourceURL": "hf://acme/model", "revision": model.revision}
    assert config["modelfs"]["diffIds"] == [layer["digest"] for layer in artifact["layers"]]


def test_a_folder_packed_by_another_tar_is_read(
    model: Manifest, elsewhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exported(model, tmp_path / "bundle", is_folder=True)
    packed = tmp_path / "packed.tar"
    subprocess.run(["tar", "-cf", packed, "-C", tmp_path / "bundle", "."], check=True)
    go(elsewhere, monkeypatch)
    assert contents(imported(packed).imported.path) == FILES


def test_a_damaged_object_does_not_leave(model: Manifest, tmp_path: Path) -> None:
    store = ObjectStore(models_root())
    for path in ("sub/model.safetensors", "config.json"):
        place = store.path(entry(model, path))
        before = place.read_bytes()
        place.chmod(0o644)
        place.write_bytes(bytes([before[0] ^ 1]) + before[1:])
        with pytest.raises(IntegrityError, match="is damaged"):
            exported(model, tmp_path / "bundle")
        assert list(tmp_path.glob("*bundle*")) == []
        place.write_bytes(before)


def test_what_is_there_is_not_overwritten_and_a_full_disk_has_its_numbers(
    model: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bundle").write_text("mine")
    with pytest.raises(InvalidInputError, match="exists already"):
        exported(model, tmp_path / "bundle")
    with pytest.raises(InvalidInputError, match="is no folder"):
        exported(model, tmp_path / "nowhere" / "bundle")
    huge = model.files[-1].model_copy(update={"path": "huge", "size": 1 << 60})
    large = model.model_copy(update={"files": (*model.files, huge)})
    with pytest.raises(DiskFullError, match="needs .* free"):
        exported(large, tmp_path / "other")
    exported(model, tmp_path / "third")
    go(tmp_path / "elsewhere", monkeypatch)
    monkeypatch.setenv("OME_DISK_RESERVE", "9000Gi")
    with pytest.raises(DiskFullError, match="reserve"):
        imported(tmp_path / "third")


def test_unsafe_pickles_are_refused_from_a_bundle_too(
    hub: RunningHub, elsewhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pickle

    hub.add("acme/unsafe", {"model.pkl": pickle.dumps(touching(tmp_path / "proof"))})
    manifest = resolve("hf://acme/unsafe")
    import_model(manifest, "tiny", unsafe_pickles="allow")
    exported(manifest, tmp_path / "bundle")
    go(elsewhere, monkeypatch)
    with pytest.raises(UnsafeError, match="model.pkl would use posix.system"):
        imported(tmp_path / "bundle")
    assert not (models_root() / "tiny").exists()
    assert imported(tmp_path / "bundle", unsafe_pickles="allow").imported.fetched_bytes == 0
    assert not (tmp_path / "proof").exists()


CHILD = """
import sys
from pathlib import Path
from steps.cache.bundle_import import import_bundle
def told(phase, completed, total):
    print(completed, flush=True)
    sys.stdin.readline()
import_bundle(Path(sys.argv[1]), on_progress=told)
"""


def test_a_killed_import_leaves_nothing_visible_and_the_next_goes_on(
    hub: RunningHub, elsewhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {f"{i}.safetensors": noise(200_000 + i, i) for i in range(4)} | {"large.safetensors": noise(9_000_000, 9)}
    hub.add("acme/model", files)
    manifest = resolve("hf://acme/model")
    import_model(manifest, "tiny")
    exported(manifest, tmp_path / "bundle")
    go(elsewhere, monkeypatch)
    for steps in (2, 1, 1):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(tmp_path / "bundle")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdin is not None and child.stdout is not None
        for _ in range(steps):
            assert child.stdout.readline()
            child.stdin.write("\n")
            child.stdin.flush()
        assert child.stdout.readline(), "it has begun with the next part, and waits"
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        assert not (models_root() / "tiny").exists()
    there = sum(path.stat().st_size for path in ObjectStore(models_root()).objects())
    assert there == 4 * 200_000 + 6, "what was whole has stayed"
    assert len(list(ObjectStore(models_root()).partials())) == 1
    collect_garbage(leftover_seconds=0)
    store = ObjectStore(models_root())
    assert list(store.partials()) == [] and list((store.private / "claims").glob("*")) == []
    found = imported(tmp_path / "bundle")
    assert contents(found.imported.path) == files
    assert list((store.private / "staging").glob("*")) == list((store.private / "pending").glob("*")) == []


def test_objects_of_a_killed_import_are_not_copied_again(
    model: Manifest, elsewhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exported(model, tmp_path / "bundle")
    go(elsewhere, monkeypatch)

    class Stopped(BaseException):
        pass

    def stop(phase: str, completed: int, total: int) -> None:
        if completed > 2:
            raise Stopped

    with pytest.raises(Stopped):
        import_bundle(tmp_path / "bundle", on_progress=stop)
    assert not (models_root() / "tiny").exists()
    assert imported(tmp_path / "bundle").imported.fetched_bytes == len(WEIGHTS)


def test_two_imports_of_one_bundle_at_once(
    model: Manifest, elsewhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exported(model, tmp_path / "bundle")
    go(elsewhere, monkeypatch)
    threads = [threading.Thread(target=imported, args=(tmp_path / "bundle", name)) for name in ("one", "one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert contents(models_root() / "one") == contents(models_root() / "two") == FILES


FLAT = """
import os, re, resource, sys
from pathlib import Path
from steps.cache import models_root
from steps.cache.bundle_export import export_bundle
from steps.cache.bundle_import import import_bundle
from steps.cache.store import ObjectStore
from steps.manifest import FileEntry, Manifest
size, digest = int(sys.argv[2]), sys.argv[3]
file = FileEntry(path="model.safetensors", size=size, algorithm="sha256", digest=digest, location="")
with ObjectStore(models_root()).path(file).open("wb") as sparse:
    sparse.truncate(size)
manifest = Manifest(uri="hf://acme/model", revision="1", files=(file,))
quiet = lambda *_: None
export_bundle("tiny", manifest, Path(sys.argv[1]), is_folder=False, on_progress=quiet)
os.environ["OME_HOME"] += "-elsewhere"
import_bundle(Path(sys.argv[1]), on_progress=quiet)
status = Path("/proc/self/status")
if status.exists():  # Linux's ru_maxrss also counts what the parent had before this program was started
    print(re.search(r"VmHWM:\\s+(\\d+) kB", status.read_text())[1])
else:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10)
"""


def test_memory_does_not_grow_with_the_model(tmp_path: Path) -> None:
    size, hasher = 192 << 20, hashlib.sha256()
    for _ in range(size >> 20):
        hasher.update(bytes(1 << 20))
    arguments = [sys.executable, "-c", FLAT, str(tmp_path / "bundle"), str(size), hasher.hexdigest()]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 100 << 10
