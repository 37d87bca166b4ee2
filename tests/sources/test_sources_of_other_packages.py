"""A package adds a source by an entry point: the example's passes the suite, and what is wrong with one is told."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from steps.errors import InvalidInputError, UnsupportedError
from steps.sources import open_source

REPOSITORY = Path(__file__).resolve().parents[2]
EXAMPLE = REPOSITORY / "examples" / "web-source"
SUITE = ("tests/sources/test_conformance.py", "tests/sources/test_conformance_of_transfers.py")


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the example is installed into, as a package's file of its own."""
    folder = tmp_path_factory.mktemp("web-source")
    copy = shutil.copytree(EXAMPLE, folder / "source")
    uv = Path(sys.executable).with_name("uv")
    words = [
        "pip",
        "install",
        "--offline",
        "--no-deps",
        "--no-cache",
        "--target",
        str(folder / "installed"),
        str(copy),
    ]
    subprocess.run([uv, *words], check=True, capture_output=True, cwd=folder)
    return folder / "installed"


def package(folder: Path, name: str, entry_point: str) -> None:
    """A package as installers leave it: what it says of itself."""
    about = folder / f"{name}-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[ome_pipelines.sources]\n{entry_point}\n")


def test_the_example_passes_the_conformance_suite(installed: Path) -> None:
    found = os.pathsep.join([str(installed), str(EXAMPLE), str(REPOSITORY)])
    environment = {**os.environ, "PYTHONPATH": found, "OME_SOURCE_HARNESS": "web_harness:WebHarness"}
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *SUITE],
        env=environment, cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout[-6000:]
    summary = ran.stdout.strip().splitlines()[-1]
    passed = re.match(r"(\d+) passed", summary)
    assert passed and int(passed[1]) > 40 and "skipped" not in summary, summary


def test_an_installed_source_is_among_those_that_are_named(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(installed)
    assert type(open_source("x-web://models.example/tiny")).__name__ == "WebSource"
    with pytest.raises(UnsupportedError, match=r'"x-wep://" has no source here; did you mean x-web://\?') as caught:
        open_source("x-wep://models.example/tiny")
    assert "x-web://" in caught.value.remedy and "install the package" in caught.value.remedy
    with pytest.raises(InvalidInputError, match="names no folder of a web server") as refused:
        open_source("x-web://models.example/../tiny")
    assert "x-web://<host>" in refused.value.remedy


def test_a_scheme_without_a_package_is_told() -> None:
    with pytest.raises(UnsupportedError, match=r'"x-web://" has no source here') as caught:
        open_source("x-web://models.example/tiny")
    assert "install the package that has it" in caught.value.remedy


def test_an_entry_point_that_is_no_scheme_of_a_package_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package(tmp_path, "our-shelf", "Shelf = our_shelf:ShelfSource")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UnsupportedError, match="our-shelf 1.0") as caught:
        open_source("Shelf://top/left")
    assert '"x-shelf"' in caught.value.remedy


@pytest.mark.parametrize("module", ["", "import nothing_of_that_name\n", "raise RuntimeError('broken')\n"])
def test_a_source_that_cannot_be_loaded_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    package(tmp_path, "our-shelf", "x-shelf = our_shelf:ShelfSource")
    (tmp_path / "our_shelf.py").write_text(module)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "our_shelf", raising=False)
    with pytest.raises(UnsupportedError, match="cannot be loaded from the package our-shelf 1.0") as caught:
        open_source("x-shelf://top/left")
    assert "our_shelf:ShelfSource" in caught.value.remedy


@pytest.mark.parametrize("uri", ["vendor://acme/gpt/large", "pvc://models/tiny"])
def test_what_is_never_imported_says_what_to_do_with_it(uri: str) -> None:
    with pytest.raises(UnsupportedError, match="has no source: ") as caught:
        open_source(uri)
    assert "on a cluster" in caught.value.remedy
