"""Whether a source still has the files that were asked for by the digest of their manifest. For `steps.resolve_model`.

A commit pins a repository of the hub. What other sources name is pinned by this digest alone.
"""

import re

from steps.errors import IntegrityError, InvalidInputError
from steps.manifest import Manifest


def refuse_other_manifest(manifest: Manifest, wanted: str) -> None:
    """Refuse what a source resolves to when it is not what was asked for.

    Args:
        manifest: As the source resolves now.
        wanted: 64 hexadecimal digits, with or without `sha256:` before them; "" for any manifest.

    Raises:
        InvalidInputError: when `wanted` is no such digest.
        IntegrityError: when the source has other files; names both digests.
    """
    if not wanted:
        return
    digest = wanted.removeprefix("sha256:")
    if not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise InvalidInputError(
            f'manifest_digest: "{wanted}" is no digest of a manifest',
            remedy="Give 64 hexadecimal digits, with or without sha256: before them; status.artifact.digest is one.",
        )
    if digest in (manifest.digest, manifest.with_origin.digest):
        return
    raise IntegrityError(
        f"{manifest.uri} has other files than were asked for: its manifest is sha256:{manifest.digest} now (revision "
        f"{manifest.revision}), and it was to be sha256:{digest}",
        remedy="Restore the files at the source. If the new ones are meant, give their digest in "
        "spec.storage.parameters.manifestDigest or leave it out there; a model without it takes them with "
        "spec.storage.revisionPolicy: OnChange.",
    )
