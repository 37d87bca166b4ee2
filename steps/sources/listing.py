"""From what a source lists to what a manifest keeps: patterns applied, dangerous names refused, nothing left told.

Pure; used by every source.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping

from steps.errors import InvalidInputError, NotFoundError
from steps.manifest import FileEntry, LeftOut, Manifest
from steps.sources.paths import check_collisions, check_path
from steps.sources.patterns import Kept, choose_files
from steps.sources.source import ResolveOptions

MOST_LEFT_OUT = 1000
"""Files left out that a manifest lists one by one: it must fit a ConfigMap, however large the repository is."""


def keep_files(subject: str, listing: Iterable[FileEntry], options: ResolveOptions) -> Kept:
    """The files that a manifest has, and those left out.

    Args:
        subject: What was listed; it begins the messages of errors.
        listing: All files.
        options: The patterns.

    Raises:
        NotFoundError: when there are no files, or none is left.
        InvalidInputError: for names that cannot be used safely.
    """
    files = list(listing)
    if not files:
        raise NotFoundError(f"{subject}: there are no files", remedy="Put the model there, or correct the path.")
    kept = choose_files(files, options.allow_patterns, options.ignore_patterns)
    for file in kept.files:
        check_path(file.path)
    check_collisions(file.path for file in kept.files)
    if not kept.files:
        raise NotFoundError(
            f"{subject}: none of its {len(files)} files is left after the patterns",
            remedy="Widen allowPatterns or ignorePatterns.",
        )
    return Kept(kept.files, _listed(kept.left_out))


def _listed(left_out: tuple[LeftOut, ...]) -> tuple[LeftOut, ...]:
    rest = left_out[MOST_LEFT_OUT:]
    if not rest:
        return left_out
    size = sum(left.size for left in rest)
    told = LeftOut(path=f"and {len(rest)} more", size=size, reason=f"the first {MOST_LEFT_OUT} are listed")
    return (*left_out[:MOST_LEFT_OUT], told)


def files_below(prefix: str, sizes: Mapping[str, int]) -> dict[str, str]:
    """Keys of objects by their path below a prefix; what stores keep for empty folders left out.

    Args:
        prefix: Without a slash at its ends; "" for the whole bucket.
        sizes: By key, all of them below the prefix.
    """
    folders = {key[:end] for key in sizes for end in range(len(key)) if key[end] == "/"}
    below = len(prefix) + 1 if prefix else 0
    return {
        key[below:]: key for key, size in sizes.items() if size or (key.rstrip("/") not in folders and key[-1:] != "/")
    }


def manifest_without_revisions(uri: str, parameters: Mapping[str, str], kept: Kept) -> Manifest:
    """The manifest of a source that has no revisions: its revision is a digest over the files as they are now.

    Where they are and how they are reached is part of it: a manifest is found by its digest, and one that was made
    with another endpoint or identity must not stand for this one.
    """
    rows = [[file.path, file.size, file.location] for file in kept.files]
    content = json.dumps([uri, sorted(parameters.items()), rows], separators=(",", ":"))
    return Manifest(
        uri=uri,
        revision=hashlib.sha256(content.encode()).hexdigest(),
        files=kept.files,
        left_out=kept.left_out,
        parameters=dict(parameters),
    )


def refuse_revision(subject: str, scheme: str, options: ResolveOptions) -> None:
    """Refuse a revision for a source that has none.

    Raises:
        InvalidInputError: when one is given.
    """
    if options.revision:
        raise InvalidInputError(
            f'revision: "{options.revision}" is given, but "{subject}" has no revisions',
            remedy=f"Leave the revision out for {scheme}://.",
        )
