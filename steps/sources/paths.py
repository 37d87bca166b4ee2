"""Which file names a source may give: only those that stay inside the model folder on every file system.

Pure. A name from the internet is data: it is refused, not repaired.
"""

import unicodedata
from collections.abc import Iterable

from steps.errors import InvalidInputError

LONGEST_NAME = 255
LONGEST_PATH = 1024
MARKER = ".ome-model.json"


def check_path(path: str) -> None:
    """Refuse a file's path unless it is relative, POSIX and stays inside its folder.

    Raises:
        InvalidInputError: names the path and what is wrong with it.
    """
    problem = _problem(path)
    if problem:
        raise InvalidInputError(
            f"file {path!r}: {problem}",
            remedy="The source's file names cannot be used safely: leave the file out with ignorePatterns.",
        )


def check_collisions(paths: Iterable[str]) -> None:
    """Refuse paths that are one file, or a file and a folder, where upper and lower case are the same.

    Raises:
        InvalidInputError: names both.
    """
    files: dict[str, str] = {}
    for path in sorted(paths):
        key = _folded(path)
        if key in files:
            raise InvalidInputError(
                f"files {files[key]!r} and {path!r} are one file where case does not count",
                remedy="Leave one of them out with ignorePatterns.",
            )
        files[key] = path
    for key, path in files.items():
        parts = key.split("/")
        for end in range(1, len(parts)):
            folder = "/".join(parts[:end])
            if folder in files:
                raise InvalidInputError(
                    f"{files[folder]!r} is a file and, for {path!r}, a folder",
                    remedy="Leave one of them out with ignorePatterns.",
                )


def _folded(path: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())


def _problem(path: str) -> str:
    try:
        encoded = path.encode()
    except UnicodeEncodeError:
        return "it is not valid Unicode"
    if not path:
        return "it is empty"
    if len(encoded) > LONGEST_PATH:
        return f"it is longer than {LONGEST_PATH} bytes"
    if any(unicodedata.category(letter) == "Cc" for letter in path):
        return "it has a control character"
    if "\\" in path:
        return "it has a backslash"
    if path.startswith("/"):
        return "it is absolute"
    if len(path) > 1 and path[1] == ":":
        return "it names a drive"
    for part in path.split("/"):
        if part in ("", ".", ".."):
            return f'it has the part "{part}"'
        if len(part.encode()) > LONGEST_NAME:
            return f"a part of it is longer than {LONGEST_NAME} bytes"
    if _folded(path.split("/")[0]) in (MARKER, ".ome"):
        return "the name is kept for the cache's own use"
    return ""
