"""Manifests, and the facts parsed from them, by digest in the home folder: how they travel between steps here."""

import gzip
import re
from pathlib import Path

from steps.errors import InvalidInputError, NotFoundError
from steps.facts import Facts
from steps.home import part, write_atomically
from steps.manifest import Manifest


def save_manifest(manifest: Manifest) -> str:
    """Store a manifest and return its digest."""
    digest = manifest.digest
    content = gzip.compress(manifest.model_dump_json(by_alias=True).encode(), mtime=0)
    write_atomically(part("manifests") / f"{digest}.json.gz", content)
    return digest


def load_manifest(digest: str) -> Manifest:
    """The manifest stored under `digest`.

    Raises:
        InvalidInputError: when it is not a sha256 digest.
        NotFoundError: when there is none.
    """
    path = part("manifests") / f"{_checked(digest)}.json.gz"
    if not path.exists():
        raise NotFoundError(f"manifest {digest[:12]} is not stored here", remedy="Import the model again.")
    return Manifest.model_validate_json(gzip.decompress(path.read_bytes()))


def save_facts(digest: str, facts: Facts) -> None:
    """Store what was parsed from the manifest `digest`, beside it."""
    write_atomically(_facts_path(digest), facts.model_dump_json(by_alias=True).encode())


def load_facts(digest: str) -> Facts:
    """The facts parsed from the manifest `digest`.

    Raises:
        InvalidInputError: when it is not a sha256 digest.
        NotFoundError: when the manifest has not been parsed here.
    """
    path = _facts_path(digest)
    if not path.exists():
        raise NotFoundError(f"facts of manifest {digest[:12]} are not stored here", remedy="Parse the model again.")
    return Facts.model_validate_json(path.read_bytes())


def _facts_path(digest: str) -> Path:
    return part("manifests") / f"{_checked(digest)}.facts.json"


def _checked(digest: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise InvalidInputError(f'manifest: "{digest}" is not a sha256 digest', remedy="Give 64 hexadecimal digits.")
    return digest
