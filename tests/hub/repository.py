"""Repositories of the test hub: folders `<org>/<name>/`, listed as the hub lists them, at revisions named by content.

`.hub.yaml` in a repository's folder sets what a folder cannot say:

    gated: false | auto | manual     asks for a token that is in `tokens`
    private: false                   as gated, but answers as if the repository did not exist
    tokens: [hf_reader]              who may read; empty: any token that the hub knows
    licence: apache-2.0
    tags: {v1.0: main}               other names of a revision
    digests: {big.safetensors: <sha256>}    given, not computed: for huge sparse files
    xet: true                        large files are in Xet storage: told by their hash there too, besides their sha256
    listed: {a.json: {path: ../a.json, size: 7}}    what the listing says instead: for hubs that lie
    sizes: {big.gguf: 2000000000000}    as large as listing and answers say; what the file does not have is not sent

Files under `.revisions/<name>/` are the branch or tag <name>; the rest is `main`.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import yaml

from tests.hub.digests import DigestCache, git_sha1_of

LFS_SUFFIXES = frozenset(
    {".safetensors", ".gguf", ".bin", ".pt", ".pth", ".onnx", ".h5", ".msgpack", ".ckpt", ".pkl", ".model"}
)
LFS_SIZE = 10 << 20
SETTINGS = ".hub.yaml"
REVISIONS = ".revisions"


@dataclass(frozen=True)
class Settings:
    """What `.hub.yaml` says."""

    gated: str | bool = False
    private: bool = False
    tokens: tuple[str, ...] = ()
    licence: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)
    xet: bool = False
    listed: Mapping[str, Mapping[str, str | int]] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)

    @property
    def needs_token(self) -> bool:
        """Whether a request without a token is refused."""
        return bool(self.gated) or self.private


@lru_cache(maxsize=16)
def _read_settings(text: str) -> Settings:
    """Kept, for they are asked about each file: digests of many take longer to read than what is asked."""
    values = yaml.safe_load(text) or {}
    values["tokens"] = tuple(values.get("tokens", ()))
    return Settings(**values)


@dataclass(frozen=True)
class HubFile:
    """One file of a revision.

    Attributes:
        size: As it is listed.
        sha256: Of those kept as LFS.
        xet_hash: Of those in Xet storage.
        said_size: As answers with its bytes say; 0 for what there is.
    """

    path: str
    size: int
    oid: str
    sha256: str
    source: Path
    xet_hash: str = ""
    said_size: int = 0

    @property
    def etag(self) -> str:
        """What the hub sends as ETag, without quotes."""
        return self.sha256 or self.oid

    def row(self) -> dict[str, object]:
        """The file as the tree endpoint lists it."""
        row: dict[str, object] = {"type": "file", "path": self.path, "size": self.size, "oid": self.oid}
        if self.sha256:
            row["lfs"] = {"oid": self.sha256, "size": self.size, "pointerSize": len(_pointer(self.sha256, self.size))}
        if self.xet_hash:
            row["xetHash"] = self.xet_hash
        return row

    def sibling(self, *, is_long: bool) -> dict[str, object]:
        """The file as the model info lists it, long with `?blobs=true`."""
        sibling: dict[str, object] = {"rfilename": self.path}
        if is_long:
            sibling |= {"size": self.size, "blobId": self.oid}
        if is_long and self.sha256:
            pointer_size = len(_pointer(self.sha256, self.size))
            sibling["lfs"] = {"sha256": self.sha256, "size": self.size, "pointerSize": pointer_size}
        return sibling


@dataclass(frozen=True)
class Revision:
    """A listing, named by the sha1 over its content."""

    sha: str
    files: tuple[HubFile, ...]

    def file(self, path: str) -> HubFile | None:
        """The file at `path`, or None."""
        return next((f for f in self.files if f.path == path), None)


class Repository:
    """One repository folder. A revision once listed stays known by its sha, as commits do."""

    def __init__(self, folder: Path, digests: DigestCache) -> None:
        self._folder = folder
        self._digests = digests
        self._listed: dict[str, Revision] = {}

    @property
    def settings(self) -> Settings:
        """What `.hub.yaml` says now."""
        path = self._folder / SETTINGS
        return _read_settings(path.read_text() if path.exists() else "")

    def revision(self, name: str) -> Revision | None:
        """The revision called `name`: a branch, a tag or a sha that was listed before."""
        if name in self._listed:
            return self._listed[name]
        name = self.settings.tags.get(name, name)
        folder = self._folder if name == "main" else self._folder / REVISIONS / name
        if not folder.is_dir():
            self._list(self._folder)
            for other in sorted((self._folder / REVISIONS).glob("*")):
                self._list(other)
            return self._listed.get(name)
        return self._list(folder)

    def _list(self, folder: Path) -> Revision:
        given, listed = self.settings.digests, self.settings.listed
        files = []
        for source in sorted(folder.rglob("*")):
            path = source.relative_to(folder).as_posix()
            if source.is_file() and path != SETTINGS and not path.startswith(f"{REVISIONS}/"):
                file = self._file(path, source, given.get(path, ""))
                files.append(replace(file, **listed.get(path, {})))  # type: ignore[arg-type]  # its fields, as YAML has them
        content = json.dumps([[f.path, f.size, f.oid] for f in files]).encode()
        sha = hashlib.sha1(content, usedforsecurity=False).hexdigest()
        return self._listed.setdefault(sha, Revision(sha, tuple(files)))

    def _file(self, path: str, source: Path, given: str) -> HubFile:
        said = self.settings.sizes.get(path, 0)
        size = said or source.stat().st_size
        if not given and source.suffix not in LFS_SUFFIXES and size < LFS_SIZE:
            return HubFile(path, size, self._digests.git_sha1(source), "", source, said_size=said)
        sha256 = given or self._digests.sha256(source)
        xet_hash = _stand_in_for_xet(sha256) if self.settings.xet else ""
        return HubFile(path, size, git_sha1_of(_pointer(sha256, size)), sha256, source, xet_hash, said)


def _stand_in_for_xet(sha256: str) -> str:
    """64 hex digits that are not the sha256, as a Xet hash is: a real one is of a tree of chunks."""
    return hashlib.sha256(f"xet of {sha256}".encode()).hexdigest()


def _pointer(sha256: str, size: int) -> bytes:
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()
