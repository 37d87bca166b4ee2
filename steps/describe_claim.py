"""`python -m steps.describe_claim <request>`: what the pod that mounts a claim runs. It only reads.

The pod is made by `steps.cluster.claim_reader`. The report, or the error's class as JSON, goes to the termination log.
"""

import hashlib
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Final

from steps.claim_report import ClaimReport
from steps.contract import failure_of
from steps.errors import InvalidInputError, NotFoundError, OmeError
from steps.frozen import Frozen

MOUNT: Final = "/claim"
_NAMED = 10


class ClaimRequest(Frozen):
    """What to describe.

    Attributes:
        uri: Of the model, for messages.
        path: Of its folder, below the volume's root.
        allow_patterns, ignore_patterns: Which files.
        mount: Where the volume is.
    """

    uri: str
    path: str
    allow_patterns: tuple[str, ...] = ()
    ignore_patterns: tuple[str, ...] = ()
    mount: str = MOUNT


def describe(request: ClaimRequest) -> ClaimReport:
    """List a folder and parse the model in it; weights are not read, only their headers.

    Raises:
        NotFoundError: when there is no such folder, with the names that there are.
        OmeError: of the class that fits.
    """
    from crds.storage_uri import LocalUri
    from steps.manifest import Manifest
    from steps.parse.model_facts import parse_facts
    from steps.sources.local import LocalSource
    from steps.sources.source import ResolveOptions

    folder = _folder(request)
    source = LocalSource(LocalUri(str(folder)), called=request.uri)
    kept = source.listed(ResolveOptions("", request.allow_patterns, request.ignore_patterns))
    listing = json.dumps([[file.path, file.size] for file in kept.files], separators=(",", ":"))
    manifest = Manifest(
        uri=request.uri,
        revision=hashlib.sha256(listing.encode()).hexdigest(),
        files=kept.files,
        left_out=kept.left_out,
    )
    return ClaimReport(
        facts=parse_facts(manifest, source),
        revision=manifest.revision,
        total_bytes=manifest.total_bytes,
        file_count=len(manifest.files),
    )


def main(arguments: list[str]) -> int:
    """Describe a folder and return the exit code, which is the error's class."""
    try:
        request = ClaimRequest.model_validate_json(arguments[0])
        text = describe(request).packed()
    except OmeError as error:
        return _fail(error)
    except Exception as error:  # noqa: BLE001 - the border: nothing else may reach a user
        traceback.print_exc()
        return _fail(OmeError(f"{type(error).__name__}: {error}"))
    _tell(text)
    return 0


def _folder(request: ClaimRequest) -> Path:
    """The folder itself, which must be one of the volume's."""
    mount = Path(request.mount)
    folder = mount / request.path
    try:
        if not folder.resolve().is_relative_to(mount.resolve()):
            raise InvalidInputError(
                f"{request.uri}: {request.path} is a link out of the volume", remedy="Name the folder itself."
            )
        if folder.is_dir():
            return folder.resolve()
        is_there = folder.exists()
        names = sorted(path.name for path in folder.parent.iterdir())[:_NAMED] if folder.parent.is_dir() else []
    except OSError as error:
        raise InvalidInputError(
            f"{request.uri}: {request.path} cannot be read ({error.strerror})",
            remedy=f"Give user {os.getuid()}, as whom it is read, the right to read the volume's files.",
        ) from None
    if is_there:
        raise InvalidInputError(
            f"{request.uri}: {request.path} is a file, and a model is a folder",
            remedy="Name the folder that holds it.",
        )
    beside = f" Beside it there are: {', '.join(names)}." if names else ""
    raise NotFoundError(
        f"{request.uri}: the volume has no folder {request.path}",
        remedy=f"Put the model there, or correct storageUri.{beside} Then set the annotation ome.io/retry.",
    )


def _fail(error: OmeError) -> int:
    _tell(failure_of(error).model_dump_json())
    sys.stderr.write(f"error ({error.code}): {error.message}\n  {error.remedy}\n")
    return error.exit_code


def _tell(text: str) -> None:
    Path(os.environ.get("OME_TERMINATION_LOG", "/dev/termination-log")).write_text(text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
