"""What a pod says of the model folder that it has mounted: small enough for a termination message.

Written by `steps.describe_claim` in the claim's namespace, read by `steps.cluster.claim_reader` in the system's.
"""

import base64
import binascii
import gzip
import hashlib
import json
from typing import Final

from pydantic import ValidationError

from steps.errors import ClusterError, UnsupportedError
from steps.facts import Facts
from steps.frozen import Frozen

LONGEST: Final = 4000
"""Bytes: the kubelet cuts a termination message at 4096, and what is cut is no report."""


class ClaimReport(Frozen):
    """A model folder of a claim.

    Attributes:
        facts: As the parser found them.
        revision: Digest (sha256, hex) over names and sizes of the files, not over their contents.
        total_bytes: Of all files.
        file_count: How many.
    """

    facts: Facts
    revision: str
    total_bytes: int
    file_count: int

    def digest(self, place: str) -> str:
        """What the facts are stored under (sha256, hex): other files, other facts or another place give another.

        Args:
            place: Namespace, claim and path: two models of one shape have the same names and sizes.
        """
        content = [place, self.revision, self.facts.model_dump(by_alias=True, mode="json")]
        return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    def packed(self) -> str:
        """The report as a termination message; warnings are left out where they do not fit.

        Raises:
            UnsupportedError: when it does not fit without them, with the numbers.
        """
        text = _packed(self)
        if len(text) > LONGEST:
            text = _packed(self.model_copy(update={"facts": self.facts.model_copy(update={"warnings": ()})}))
        if len(text) > LONGEST:
            raise UnsupportedError(
                f"the facts of {self.file_count} files take {len(text)} bytes, "
                f"and a termination message has {LONGEST}",
                remedy="Have fewer weight files: allowPatterns and ignorePatterns choose among them.",
            )
        return text


def unpacked(text: str) -> ClaimReport:
    """The report in a termination message.

    Raises:
        ClusterError: when it is none.
    """
    try:
        return ClaimReport.model_validate_json(gzip.decompress(base64.b64decode(text, validate=True)))
    except (binascii.Error, OSError, EOFError, ValueError, ValidationError):
        raise ClusterError(
            f"the pod that read the claim ended well and left no report: {text[:100]!r}",
            remedy="Run again; where images were changed by hand, use those of this version.",
        ) from None


def _packed(report: ClaimReport) -> str:
    return base64.b64encode(gzip.compress(report.model_dump_json(by_alias=True).encode(), mtime=0)).decode()
