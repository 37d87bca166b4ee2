"""The digest of an object that was uploaded in parts: the MD5 of its parts' MD5s, and the parts' size.

So S3 makes ETags (https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html) and OCI its
`opc-multipart-md5`. They tell how many parts there were; the digest has their size instead, so that it can be computed
of the bytes alone. `steps.sources` writes it into manifests, `steps.cache` hashes by it.
"""

import hashlib
import re

_DIGEST = re.compile(r"[0-9a-f]{32}-([1-9][0-9]*)", re.ASCII)


def parts_digest(md5: str, part_bytes: int) -> str:
    """The digest in a manifest, such as `9bb58f26192e4ba00f01e2e7b136bbd8-8388608`.

    Args:
        md5: MD5 of the parts' MD5s, in lower-case hex.
        part_bytes: Size of every part but the last, in bytes.
    """
    return f"{md5}-{part_bytes}"


class PartsHasher:
    """Hashes a file as its store has hashed it, in one pass.

    Args:
        digest: What a manifest says, of which the size of the parts is taken.

    Raises:
        ValueError: for what is no such digest.
    """

    def __init__(self, digest: str) -> None:
        found = _DIGEST.fullmatch(digest)
        if found is None:
            raise ValueError(f"{digest!r} is no digest of parts")
        self._part_bytes = int(found[1])
        self._left = self._part_bytes
        self._part = _md5()
        self._parts = _md5()

    def update(self, content: bytes | bytearray | memoryview) -> None:
        """Take more of the file."""
        view = memoryview(content)
        while view:
            self._part.update(view[: self._left])
            taken = min(self._left, len(view))
            self._left -= taken
            view = view[taken:]
            if not self._left:
                self._parts.update(self._part.digest())
                self._part, self._left = _md5(), self._part_bytes

    def hexdigest(self) -> str:
        """The digest of what was taken."""
        parts = self._parts.copy()
        if self._left < self._part_bytes:
            parts.update(self._part.digest())
        return parts_digest(parts.hexdigest(), self._part_bytes)


def _md5() -> "hashlib._Hash":
    return hashlib.md5(usedforsecurity=False)
