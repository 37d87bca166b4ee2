"""In which parts an object was uploaded, from its size and their number: stores tell the number alone. Pure.

S3 would tell the first part's size to who asks for `partNumber=1`, but that belongs to what is signed, and the client
signs no query of ours; OCI does not tell it at all. Uploaders use few sizes: the more parts, the fewer sizes fit.
"""

from collections.abc import Mapping
from typing import Final

from crds.quantity import parse_quantity
from steps.errors import InvalidInputError

PARAMETER: Final = "partSize"
_MIB: Final = 1 << 20
_USUAL_MIB: Final = (5, 8, 10, 15, 16, 20, 25, 32, 50, 64, 100, 128, 200, 250, 256, 500, 512, 1024, 2048, 5120)
_OF_THE_CONSOLE: Final = 17_179_870
USUAL: Final = (*(mib * _MIB for mib in _USUAL_MIB), _OF_THE_CONSOLE)
"""Bytes a part of what models are uploaded with.

AWS' tools and SDKs 8 MiB, doubled for what has more than 10,000, or 5 or 16; rclone 5; MinIO's 16; s3cmd 15; s5cmd 50;
OCI's 128, and 10 for streams; others what their users set.
"""
FEWEST: Final = 5
"""Parts that a guess takes: sizes that make five of an object differ by a quarter, those that make two by twice.

A wrong guess refuses a sound object, which is worse than not to check a small one.
"""


def part_bytes(size: int, parts: int, given: int | None = None) -> int:
    """Bytes of every part but the last; 0 where that cannot be told.

    Args:
        size: Of the object, in bytes.
        parts: How many there were.
        given: What the user says; 0 for no digest of parts; None to find it among the usual.
    """
    if given == 0:
        return 0
    if parts == 1:
        return size
    candidates = (given,) if given else USUAL if parts >= FEWEST else ()
    found = [each for each in candidates if (parts - 1) * each < size <= parts * each]
    return found[0] if len(found) == 1 else 0


def given_part_bytes(parameters: Mapping[str, str]) -> int | None:
    """What `partSize` says: bytes, 0 for `none`; None without it.

    Raises:
        InvalidInputError: for what is neither.
    """
    value = parameters.get(PARAMETER, "")
    if not value:
        return None
    if value == "none":
        return 0
    try:
        found = parse_quantity(value)
    except ValueError:
        found = parse_quantity(0)
    if found < 1 or found.denominator != 1:
        raise InvalidInputError(
            f'parameters.{PARAMETER}: "{value}" is no size of parts',
            remedy="Accepted: a quantity of bytes such as 8Mi, or none, to take what comes without checking it.",
        )
    return int(found)
