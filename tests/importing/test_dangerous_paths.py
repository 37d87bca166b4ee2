"""No file name from a source leads out of the model folder, or makes one file of two."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steps.cache import import_model
from steps.errors import InvalidInputError
from steps.manifest import FileEntry, Manifest
from steps.sources.paths import check_collisions, check_path

PARTS = st.sampled_from(["..", ".", "", "a", "B", "...", "a.b", "\\", "c\0d", "C:", "~", "é", "x\ny", ".ome", "/"])


def is_accepted(path: str) -> bool:
    """Whether a path is let through."""
    try:
        check_path(path)
    except InvalidInputError:
        return False
    return True


@given(st.lists(PARTS, min_size=1, max_size=6).map("/".join) | st.text(max_size=40))
def test_accepted_paths_stay_inside(path: str) -> None:
    if is_accepted(path):
        joined = os.path.normpath(os.path.join("/root/model", path))  # noqa: PTH118 - what a file system does with it
        assert joined == f"/root/model/{path}"
        assert not set(path) & {"\0", "\\", "\n"}


@pytest.mark.parametrize(
    "path",
    ["../evil", "a/../../evil", "/etc/passwd", "a\0b", "..\\evil", "C:/evil", "", ".", "a//b", "a/", "a/./b",
     ".ome/objects/x", ".OME-Model.json", "x" * 256, "a/" * 600 + "b", "a\nb", "\udc80"],
)  # fmt: skip
def test_refused(path: str) -> None:
    assert not is_accepted(path)


@pytest.mark.parametrize(
    "path", ["model.safetensors", "sub/dir/model-00001-of-00002.gguf", "..a", "a..", "日本語.txt"]
)
def test_accepted(path: str) -> None:
    assert is_accepted(path)


@pytest.mark.parametrize(
    "paths",
    [("README.md", "readme.MD"), ("Straße", "STRASSE"), ("\u00e9", "e\u0301"), ("a", "a/b"), ("Config", "config/x")],
)
def test_collisions_are_refused_with_both_names(paths: tuple[str, str]) -> None:
    with pytest.raises(InvalidInputError) as caught:
        check_collisions(paths)
    assert all(repr(path) in caught.value.message for path in paths)


@given(st.sets(st.from_regex(r"[a-z]{1,3}(/[0-9]{1,2})?", fullmatch=True)))
def test_collisions_are_found_exactly(paths: set[str]) -> None:
    has_collision = any(other.startswith(f"{path}/") for path in paths for other in paths)
    if has_collision:
        with pytest.raises(InvalidInputError):
            check_collisions(paths)
    else:
        check_collisions(paths)


def test_manifest_made_elsewhere_is_checked_again(tmp_path: object) -> None:
    file = FileEntry(path="../evil", size=1, algorithm="sha256", digest="0" * 64, location="/x")
    with pytest.raises(InvalidInputError, match="evil"):
        import_model(Manifest(uri="hf://acme/model", revision="r", files=(file,)), "model")
