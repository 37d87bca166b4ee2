"""Manifests, and the facts parsed from them, by digest: how they travel between steps.

On one machine they are files of the home folder, on a cluster ConfigMaps (`steps.cluster.manifests`).
"""

import gzip
import re
from pathlib import Path

from steps.cluster.pod import is_on_cluster
from steps.errors import IntegrityError, InvalidInputError, NotFoundError
from steps.facts import Facts
from steps.home import part, write_atomically
from steps.manifest import Manifest


def save_manifest(manifest: Manifest) -> str:
    """Store a manifest and return its digest, by which it is to be loaded.

    Raises:
        OmeError: of the class that fits, when the API server refuses, or what is stored there is something else.
    """
    if is_on_cluster():
        return _saved_to_cluster(manifest)
    write_atomically(part("manifests") / f"{manifest.digest}.json.gz", gzip.compress(_text(manifest), mtime=0))
    return manifest.digest


def load_manifest(digest: str) -> Manifest:
    """The manifest stored under `digest`.

    Raises:
        InvalidInputError: when it is not a sha256 digest.
        NotFoundError: when there is none.
        IntegrityError: when what is stored there is something else.
    """
    if is_on_cluster():
        return _loaded_from_cluster(_checked(digest))
    path = part("manifests") / f"{_checked(digest)}.json.gz"
    if not path.exists():
        raise NotFoundError(f"manifest {digest[:12]} is not stored here", remedy="Import the model again.")
    return Manifest.model_validate_json(gzip.decompress(path.read_bytes()))


def save_facts(digest: str, facts: Facts) -> None:
    """Store what was parsed from the manifest `digest`, beside it."""
    text = facts.model_dump_json(by_alias=True).encode()
    if is_on_cluster():
        from steps.cluster import manifests

        manifests.save("facts", _checked(digest), text)
    else:
        write_atomically(_facts_path(digest), text)


def load_facts(digest: str) -> Facts:
    """The facts parsed from the manifest `digest`.

    Raises:
        InvalidInputError: when it is not a sha256 digest.
        NotFoundError: when the manifest has not been parsed here.
    """
    if is_on_cluster():
        from steps.cluster import manifests

        return Facts.model_validate_json(manifests.load("facts", _checked(digest)))
    path = _facts_path(digest)
    if not path.exists():
        raise NotFoundError(f"facts of manifest {digest[:12]} are not stored here", remedy="Parse the model again.")
    return Facts.model_validate_json(path.read_bytes())


def _saved_to_cluster(manifest: Manifest) -> str:
    """Models with the same files of one place share a manifest, which cannot change; those of another have their own.

    Which of two places came first matters once: later imports find the manifest that their models have.
    """
    from steps.cluster import manifests

    own = manifest.with_origin
    manifests.packed("manifest", own.digest, _text(own), len(own.files))  # one that is too large is refused at once
    if not manifests.exists("manifest", own.digest):
        manifests.save("manifest", manifest.digest, _text(manifest), len(manifest.files))
        if _loaded_from_cluster(manifest.digest).with_origin.origin == own.origin:
            return manifest.digest
    manifests.save("manifest", own.digest, _text(own), len(own.files))
    return own.digest


def _text(manifest: Manifest) -> bytes:
    return manifest.model_dump_json(by_alias=True).encode()


def _loaded_from_cluster(digest: str) -> Manifest:
    from steps.cluster import manifests

    manifest = Manifest.model_validate_json(manifests.load("manifest", digest))
    if manifest.digest != digest:
        raise IntegrityError(
            f"ConfigMap {manifests.config_map_name('manifest', digest)} holds a manifest of another digest",
            remedy="Delete it and import the model again.",
        )
    return manifest


def _facts_path(digest: str) -> Path:
    return part("manifests") / f"{_checked(digest)}.facts.json"


def _checked(digest: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise InvalidInputError(f'manifest: "{digest}" is not a sha256 digest', remedy="Give 64 hexadecimal digits.")
    return digest
