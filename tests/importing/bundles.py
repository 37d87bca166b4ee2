"""A model to export, another machine to import it on, and tars made by hand."""

import tarfile
from pathlib import Path
from typing import Any

import pytest

from steps.cache import import_model
from steps.cache.bundle_export import Exported, export_bundle
from steps.cache.bundle_import import BundleImport, import_bundle
from steps.manifest import Manifest
from tests.hub.fixture import RunningHub
from tests.importing.models import noise, resolve

WEIGHTS = noise(3_000_000, 1)
FILES = {"config.json": b"{}", "empty.txt": b"", "sub/model.safetensors": WEIGHTS, "sub/twin.safetensors": WEIGHTS}


def quiet(phase: str, completed: int, total: int) -> None:
    assert 0 <= completed <= total, phase


def exported(manifest: Manifest, target: Path, *, is_folder: bool = False) -> Exported:
    return export_bundle("tiny", manifest, target, is_folder=is_folder, on_progress=quiet)


def imported(bundle: Path, name: str = "", **options: Any) -> BundleImport:
    return import_bundle(bundle, name, on_progress=quiet, **options)


@pytest.fixture
def model(hub: RunningHub) -> Manifest:
    """A model of this machine: files with sha256 and with git's names, two of them alike."""
    hub.add("acme/model", FILES)
    manifest = resolve("hf://acme/model")
    import_model(manifest, "tiny")
    return manifest


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Another machine, once `go` names it."""
    return tmp_path / "elsewhere"


def go(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OME_HOME", str(elsewhere))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")


def tar_of(members: list[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    return b"".join(i.tobuf(tarfile.GNU_FORMAT) + c + bytes(-len(c) % 512) for i, c in members) + bytes(1024)


Member = tuple[tarfile.TarInfo, bytes]


def member(name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE, **fields: Any) -> Member:
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, len(content)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, content


def members_of(bundle: Path) -> list[Member]:
    """All members of a tar."""
    with tarfile.open(bundle) as archive:
        return [(info, archive.extractfile(info).read()) for info in archive]  # type: ignore[union-attr]
