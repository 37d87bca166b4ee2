"""Models that tests serve and import, and the two steps as a test calls them."""

import json
import os
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from steps.cache import Imported, import_model, models_root
from steps.cache.journal import read_journal
from steps.cache.store import ObjectStore
from steps.manifest import FileEntry, Manifest
from steps.sources import ResolveOptions, open_source


def noise(size: int, seed: int) -> bytes:
    """Bytes that no compression or repetition makes alike."""
    return random.Random(seed).randbytes(size)


def resolve(uri: str, **options: object) -> Manifest:
    """The manifest of a URI."""
    return open_source(uri).resolve(ResolveOptions(**options))  # type: ignore[arg-type]  # named as the fields are


def fetch(uri: str, name: str = "model", path: str = "") -> Imported:
    """Resolve and import."""
    return import_model(resolve(uri), name, path)


def entry(manifest: Manifest, path: str) -> FileEntry:
    """A file that must be in the manifest."""
    file = manifest.file(path)
    assert file is not None, f"{path} is not in {[each.path for each in manifest.files]}"
    return file


def contents(folder: Path) -> dict[str, bytes]:
    """A model folder's files by path, its marker left out."""
    return {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in folder.rglob("*")
        if p.is_file() and p.name != ".ome-model.json"
    }


def without_capabilities(command: Sequence[str]) -> list[str]:
    """A command run as in a pod, where root may do no more than others, such as write to what is read-only."""
    drop = ("setpriv", "--bounding-set=-all", "--inh-caps=-all") if os.geteuid() == 0 else ()
    return [*drop, *command]


def start_caching(root: Path, manifest: str, name: str = "model") -> subprocess.Popen[str]:
    """The cache-model step as a child process, as a pod runs it, on a manifest that is stored already."""
    root.mkdir(parents=True, exist_ok=True)
    parameters = root / "parameters.json"
    parameters.write_text(json.dumps([{"name": "manifest", "value": manifest}, {"name": "name", "value": name}]))
    environment = os.environ | {"OME_STEP_ROOT": str(root)}
    return subprocess.Popen(
        without_capabilities([sys.executable, "-m", "steps", "cache-model", str(parameters)]),
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )


def bytes_there(manifest: Manifest) -> int:
    """Bytes of a manifest that the next import need not fetch."""
    store, there = ObjectStore(models_root()), 0
    for file in manifest.files:
        known = read_journal(store.progress(file), file.size) if store.partial(file).exists() else None
        there += file.size if store.path(file).exists() else sum(known.done) if known else 0
    return there
