"""Images are imported once: nodes begin with the store's, share its files, and keep to themselves what they change."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from steps.errors import ClusterError
from tests.cluster import image_store
from tests.cluster.commands import run
from tests.cluster.image_archive import LayerEntry, write_image
from tests.cluster.places import cluster_folder
from tests.not_run import not_run

ONE, TWO = "localhost/one:1", "localhost/two:1"


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty cache on the disk of the real one, for containerd does not run on every file system."""
    if os.geteuid() or not shutil.which("containerd"):
        not_run("containerd, which needs root", "make cluster-install")
    cluster_folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="test-", dir=cluster_folder()) as folder:
        monkeypatch.setenv("OME_CACHE", folder)
        yield Path(folder)


def archive(folder: Path, tag: str, text: str) -> Path:
    base = write_image(folder / "base.tar", "localhost/base:1", [LayerEntry("/base", b"below")], {})
    name = tag.removeprefix("localhost/").partition(":")[0]
    return write_image(folder / f"{name}.tar", tag, [LayerEntry("/text", text.encode())], {}, base)


def node(cache: Path, name: str) -> Path:
    """A folder of a node that began with the store's images, or did not."""
    folder = cache / name
    folder.mkdir()
    image_store.copy_to(folder / "root")
    return folder


def whole_images(folder: Path) -> set[str]:
    """The images that a containerd over the folder has, unpacked and with every blob."""
    with image_store.containerd(folder) as socket:
        lines = run("ctr", "-a", socket, "-n", "k8s.io", "images", "check").splitlines()[1:]
    assert all("complete" in line and line.split()[-1] == "true" for line in lines), lines
    return {line.split()[0] for line in lines}


def files(folder: Path, part: str) -> dict[str, int]:
    """The inodes of the files below a part of containerd's folder, by path."""
    root = folder / "root"
    found = {path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.is_file()}
    return {name: path.stat().st_ino for name, path in found.items() if name.endswith(part)}


def test_nodes_share_files_and_have_databases_of_their_own(cache: Path) -> None:
    image_store.fill([archive(cache, ONE, "one"), archive(cache, TWO, "two")])

    first, second = node(cache, "first"), node(cache, "second")

    for part in ("/text", "/base"):
        assert files(first, part) and files(first, part) == files(second, part)
    assert files(first, ".db").keys() == files(second, ".db").keys() != set()
    assert not set(files(first, ".db").values()) & set(files(second, ".db").values())
    assert whole_images(first) == whole_images(second) == {ONE, TWO}


def test_a_node_that_loses_an_image_takes_it_from_no_other(cache: Path) -> None:
    image_store.fill([archive(cache, ONE, "one"), archive(cache, TWO, "two")])
    first, second = node(cache, "first"), node(cache, "second")

    with image_store.containerd(first) as socket:
        run("ctr", "-a", socket, "-n", "k8s.io", "images", "rm", "--sync", ONE)

    assert whole_images(first) == {TWO}
    assert len(files(first, "/text")) == 1
    assert whole_images(second) == whole_images(image_store.store_folder()) == {ONE, TWO}


def test_only_what_has_changed_is_imported_again(cache: Path) -> None:
    kept, changed = archive(cache, ONE, "one"), archive(cache, TWO, "two")
    image_store.fill([kept, changed])
    before = kept.stat()
    kept.write_bytes(bytes(before.st_size))  # would be refused
    os.utime(kept, ns=(before.st_atime_ns, before.st_mtime_ns))
    archive(cache, TWO, "another text")
    assert image_store.holds(kept) and not image_store.holds(changed)

    image_store.fill([kept, changed])

    assert image_store.holds(kept) and image_store.holds(changed)
    first = node(cache, "first")
    assert whole_images(first) == {ONE, TWO}
    texts = {(first / "root" / name).read_text() for name in files(first, "/text")}
    assert {"one", "another text"} <= texts


def test_a_store_that_was_not_filled_to_its_end_is_given_to_no_node(cache: Path) -> None:
    whole, refused = archive(cache, ONE, "one"), cache / "refused.tar"
    image_store.fill([whole])
    refused.write_bytes(b"no archive")

    with pytest.raises(ClusterError, match="images import"):
        image_store.fill([whole, refused])

    assert not image_store.copy_to(cache / "node") and not (cache / "node").exists()
    image_store.fill([whole])
    assert whole_images(node(cache, "later")) == {ONE}
