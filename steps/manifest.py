"""The manifest: what resolve hands to parse and cache. It pins every file of one immutable revision.

A manifest is stored under its digest (a ConfigMap on a cluster, a file in `OME_HOME` on one machine) and travels
between steps as that digest, never as a workflow parameter.
"""

import hashlib
import json
from dataclasses import replace
from typing import Literal

from pydantic import Field

from crds.storage_uri import HubUri, parse_storage_uri
from steps.frozen import Frozen

DigestAlgorithm = Literal["sha256", "git-sha1", "md5", "md5-parts", "version", "none"]


class FileEntry(Frozen):
    """One file of a model.

    Attributes:
        path: Relative POSIX path inside the model folder; checked to stay inside it.
        size: Bytes.
        algorithm: `sha256` for LFS and Xet files and local files, `git-sha1` (git blob) for small hub files, `md5` for
            objects whose store says it, `md5-parts` for those uploaded in parts of a size that is known, and `version`
            where a store names an object's version and no digest of its content that can be checked.
        digest: Lower-case hex; of a `version` the sha256 over bucket, key, the store's name for it, and size; of
            `md5-parts` the MD5 of the parts' MD5s, a dash and the bytes of a part.
        location: What the source needs to read it again: a URL, an object key or an absolute local path.
    """

    path: str
    size: int
    algorithm: DigestAlgorithm
    digest: str
    location: str


class LeftOut(Frozen):
    """A file of the repository that is not part of the manifest, and why."""

    path: str
    size: int
    reason: str


class Manifest(Frozen):
    """Every file of a model at one immutable revision.

    Attributes:
        uri: The storage URI as asked for.
        revision: What it resolved to: a commit sha, or for local files a digest over their names and contents.
        files: Sorted by path.
        left_out: Sorted by path; of thousands the first, and a last row that counts the others.
        licence: The hub's licence tag, or "".
        is_gated: Whether the hub asks for agreement before download.
        parameters: What the source was opened with, such as region and endpoint; never a secret.
        origin: Where its files are read from, when the same files are stored as another place's already; else "".
    """

    uri: str
    revision: str
    files: tuple[FileEntry, ...]
    left_out: tuple[LeftOut, ...] = ()
    licence: str = ""
    is_gated: bool = False
    parameters: dict[str, str] = {}
    origin: str = Field(default="", exclude_if=lambda origin: not origin)  # other versions know no such field

    @property
    def total_bytes(self) -> int:
        """Sum of the sizes of all files, in bytes."""
        return sum(file.size for file in self.files)

    @property
    def digest(self) -> str:
        """sha256 (hex) over canonical JSON of what identifies the content: revision, paths, sizes and digests."""
        content: dict[str, object] = {
            "revision": self.revision,
            "files": [[f.path, f.size, f.algorithm, f.digest] for f in self.files],
        }
        return _digest(content | ({"origin": self.origin} if self.origin else {}))

    @property
    def with_origin(self) -> "Manifest":
        """The same, told from that of a mirror or a fork with the same files: these have other addresses and readers.

        The revision in a URI does not count: it is pinned, and the files' locations have it.
        """
        uri = parse_storage_uri(self.uri)
        place = str(replace(uri, revision="") if isinstance(uri, HubUri) else uri)
        origin = _digest([place, self.parameters, [file.location for file in self.files]])
        return self.model_copy(update={"origin": origin})

    def file(self, path: str) -> FileEntry | None:
        """The entry at `path`, or None."""
        return next((entry for entry in self.files if entry.path == path), None)


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
