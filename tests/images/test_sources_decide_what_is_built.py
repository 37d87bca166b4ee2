"""An image is built anew when a file of it changes, and from a context that holds its files and nothing else."""

import shutil
from pathlib import Path

import pytest

from images.build import stage
from images.catalogue import IMAGES, REPOSITORY, Image, find_image, source_files, sources_digest

NAMES = [image.name for image in IMAGES]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A copy of all that images are made of."""
    for image in IMAGES:
        for name in source_files(image):
            target = tmp_path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(REPOSITORY / name, target)
    return tmp_path


@pytest.mark.parametrize("name", NAMES)
def test_a_copy_has_the_same_digest(name: str, clone: Path) -> None:
    image = _image(name)
    assert sources_digest(image, clone) == sources_digest(image)


@pytest.mark.parametrize(
    ("path", "changed"),
    [
        ("steps/errors.py", {"ome-controller", "ome-steps", "ome-benchmark"}),
        ("controller/api.py", {"ome-controller"}),
        ("pipelines/export.py", {"ome-controller"}),
        ("images/locks/ome-genai-bench.txt", {"ome-benchmark"}),
        ("images/locks/ome-llama-cpp.txt", {"ome-llama-cpp"}),
        ("images/containerfiles/ome-steps.Containerfile", {"ome-steps"}),
    ],
)
def test_a_changed_file_rebuilds_only_the_images_it_is_in(path: str, changed: set[str], clone: Path) -> None:
    before = {image.name: sources_digest(image, clone) for image in IMAGES}
    with (clone / path).open("a") as file:
        file.write("# changed\n")
    assert {image.name for image in IMAGES if sources_digest(image, clone) != before[image.name]} == changed


def test_what_is_no_source_changes_nothing(clone: Path) -> None:
    before = {image.name: sources_digest(image, clone) for image in IMAGES}
    for name in ("steps/__pycache__/errors.cpython-311.pyc", "steps/notes.md", "steps/.errors.py.swp",
                 "controller/install/system/access.yaml", "tests/test_x.py"):  # fmt: skip
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        (clone / name).write_text("x")
    assert {image.name: sources_digest(image, clone) for image in IMAGES} == before


@pytest.mark.parametrize("name", NAMES)
def test_a_context_holds_its_files_with_one_time(name: str, tmp_path: Path) -> None:
    image = _image(name)
    stage(image, tmp_path)
    staged = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.relative_to(tmp_path).as_posix() for path in staged} == set(source_files(image))
    assert len({path.stat().st_mtime for path in tmp_path.rglob("*")}) == 1
    assert {path.stat().st_mode & 0o777 for path in staged} == {0o644}


def _image(name: str) -> Image:
    image = find_image(name)
    assert image is not None
    return image
