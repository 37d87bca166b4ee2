"""Buckets of the OCI server: objects as the service describes them, listed in pages. Pure."""

import base64
import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

FIELDS = ("name", "size", "etag", "md5", "timeCreated", "timeModified", "storageTier")
"""What a listing can tell of an object; without `fields` it tells the name alone."""


@dataclass(frozen=True)
class StoredObject:
    """One object.

    Attributes:
        name: Its key.
        content: Its bytes.
        md5: Base64; for one of several parts that of the parts' digests, a dash and their number.
        etag: Changes with each upload, and says nothing of the content.
        modified: RFC 3339.
    """

    name: str
    content: bytes
    md5: str
    etag: str
    modified: str

    @property
    def is_in_parts(self) -> bool:
        """Whether it was uploaded in parts."""
        return "-" in self.md5

    @property
    def md5_header(self) -> dict[str, str]:
        """The header that tells its digest."""
        return {"opc-multipart-md5" if self.is_in_parts else "content-md5": self.md5}

    def described(self, fields: Sequence[str]) -> dict[str, object]:
        """The object as a row of a listing."""
        facts: dict[str, object] = {
            "name": self.name, "size": len(self.content), "etag": self.etag, "md5": self.md5,
            "timeCreated": self.modified, "timeModified": self.modified, "storageTier": "Standard",
        }  # fmt: skip
        return {name: facts[name] for name in facts if name in {"name", *fields}}


@dataclass
class Bucket:
    """Objects by name, and the parts of uploads under way by their id."""

    objects: dict[str, StoredObject] = field(default_factory=dict)
    uploads: dict[str, dict[int, bytes]] = field(default_factory=dict)

    def put(self, name: str, content: bytes, modified: str) -> StoredObject:
        """Store an object that came in one piece."""
        return self._store(name, content, _base64(_md5(content)), modified)

    def commit(self, name: str, upload: str, numbers: Sequence[int], modified: str) -> StoredObject:
        """Make an object of parts, in the order of their numbers.

        Raises:
            KeyError: for an upload or a part that is not there.
        """
        parts = [self.uploads[upload][number] for number in sorted(numbers)]
        del self.uploads[upload]
        together = _md5(b"".join(_md5(part) for part in parts))
        return self._store(name, b"".join(parts), f"{_base64(together)}-{len(parts)}", modified)

    def listed(self, prefix: str, start: str, limit: int, fields: Sequence[str]) -> dict[str, object]:
        """One page of a listing, in the order of the names' bytes, and where the next one begins."""
        names = sorted((n for n in self.objects if n.startswith(prefix) and n >= start), key=str.encode)
        answer: dict[str, object] = {"objects": [self.objects[name].described(fields) for name in names[:limit]]}
        if len(names) > limit:
            answer["nextStartWith"] = names[limit]
        return answer

    def _store(self, name: str, content: bytes, md5: str, modified: str) -> StoredObject:
        self.objects[name] = StoredObject(name, content, md5, str(uuid.uuid4()), modified)
        return self.objects[name]


def _md5(content: bytes) -> bytes:
    return hashlib.md5(content, usedforsecurity=False).digest()


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
