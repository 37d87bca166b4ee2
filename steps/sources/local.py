"""`local:///path`: a model that is on this machine already, a folder or one file.

Every file is hashed at resolve, so that a manifest pins its content as for any other source.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from crds.storage_uri import LocalUri
from steps.errors import IntegrityError, InvalidInputError, NotFoundError
from steps.manifest import FileEntry, Manifest
from steps.progress import ProgressReporter
from steps.sources.listing import keep_files, refuse_revision
from steps.sources.patterns import Kept
from steps.sources.source import NO_PARAMETERS, LocalAddress, ResolveOptions

_CHUNK = 1 << 20


class LocalSource:
    """A folder or a file of this machine.

    Args:
        uri: Where it is.
        parameters: None are known.
        called: What messages and the manifest call it; "" for its URI.
    """

    def __init__(self, uri: LocalUri, parameters: Mapping[str, str] = NO_PARAMETERS, *, called: str = "") -> None:
        self._uri = called or str(uri)
        self._path = Path(uri.path)
        if not self._path.is_absolute():
            raise InvalidInputError(
                f'storageUri: "{uri}" is relative, and a step has no folder of its own to start from',
                remedy=f"Write local://{self._path.absolute()}.",
            )

    def resolve(self, options: ResolveOptions) -> Manifest:
        """List and hash the files; the revision is a digest over their names and contents."""
        refuse_revision(self._uri, "local", options)
        kept = self.listed(options)
        files = self._hashed(kept.files)
        content = json.dumps([[f.path, f.size, f.digest] for f in files], separators=(",", ":"))
        return Manifest(
            uri=self._uri,
            revision=hashlib.sha256(content.encode()).hexdigest(),
            files=files,
            left_out=kept.left_out,
        )

    def listed(self, options: ResolveOptions) -> Kept:
        """The files that belong to it and those left out, without their digests: nothing is read.

        Raises:
            NotFoundError: when no file is left.
            InvalidInputError: for names that cannot be used safely, and links out of the folder.
        """
        sizes = self._sizes()
        whole = self._path.resolve()
        root = whole if whole.is_dir() else whole.parent
        listing = (
            FileEntry(
                path=name,
                size=size,
                algorithm="none",
                digest="",
                location=str(root / name if whole.is_dir() else whole),
            )
            for name, size in sizes.items()
        )
        return keep_files(self._uri, listing, options)

    def read(self, file: FileEntry, start: int, end: int) -> bytes:
        """Bytes [start, end) of a file."""
        try:
            with Path(file.location).open("rb") as opened:
                content = os.pread(opened.fileno(), min(end, file.size) - start, start)
                size = os.fstat(opened.fileno()).st_size
        except OSError as error:
            raise _unreadable(self._uri, Path(file.location), error) from None
        if size != file.size:
            raise IntegrityError(
                f"{self._uri} {file.path}: has {size} bytes, the manifest says {file.size}",
                remedy="Import again: the new manifest will name the file as it is now.",
            )
        return content

    def address(self, file: FileEntry) -> LocalAddress:
        """The file itself."""
        return LocalAddress(Path(file.location))

    def _sizes(self) -> dict[str, int]:
        try:
            if self._path.is_dir():
                root = self._path.resolve()
                return {path.relative_to(root).as_posix(): path.stat().st_size for path in sorted(self._files(root))}
            return {self._path.name: self._path.stat().st_size}
        except OSError as error:
            raise _unreadable(self._uri, Path(error.filename or self._path), error) from None

    def _files(self, root: Path) -> Iterator[Path]:
        """All files below a folder; one that cannot be looked into is an error, not an empty one."""
        for folder, folders, names in os.walk(root, onerror=_raise):
            for name in (*names, *(each for each in folders if Path(folder, each).is_symlink())):
                path = Path(folder, name)
                self._refuse_link(path, root)
                yield path

    def _refuse_link(self, path: Path, root: Path) -> None:
        is_inside = path.resolve().is_relative_to(root)
        if not is_inside or path.is_dir():
            where = "to a folder" if is_inside else "out of the folder"
            raise InvalidInputError(
                f"{self._uri}: {path.relative_to(root)} is a link {where}",
                remedy="Copy the model with `cp -rL` so that the folder holds the files themselves.",
            )
        if not path.is_file():
            raise InvalidInputError(
                f"{self._uri}: {path.relative_to(root)} is not a regular file", remedy="Leave it out of the folder."
            )

    def _hashed(self, files: tuple[FileEntry, ...]) -> tuple[FileEntry, ...]:
        total, done = sum(f.size for f in files), 0
        reporter = ProgressReporter()
        hashed = []
        for file in files:
            place = Path(file.location)
            hasher = hashlib.sha256()
            size = 0
            try:
                with place.open("rb") as opened:
                    while chunk := opened.read(_CHUNK):
                        hasher.update(chunk)
                        size += len(chunk)
                        done += len(chunk)
                        reporter.report("hashing", done, total)
            except OSError as error:
                raise _unreadable(self._uri, place, error) from None
            hashed.append(
                FileEntry(
                    path=file.path, size=size, algorithm="sha256", digest=hasher.hexdigest(), location=str(place)
                )
            )
        return tuple(hashed)


def _raise(error: OSError) -> None:
    raise error


def _unreadable(uri: str, path: Path, error: OSError) -> NotFoundError | InvalidInputError:
    if isinstance(error, FileNotFoundError):
        return NotFoundError(f"{uri}: {path} does not exist", remedy="Check the path; it must be on this machine.")
    return InvalidInputError(
        f"{uri}: {path} cannot be read ({error.strerror})",
        remedy=f"Give user {os.geteuid()}, as whom it is read, the right to read it.",
    )
