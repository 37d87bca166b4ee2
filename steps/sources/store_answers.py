"""What an object store's client raises: the class of error, and the remedy. Pure.

The clients are Rust: their errors say status and body in words, behind them come debug lines, which no user sees.
"""

import re
from typing import TYPE_CHECKING

from steps.errors import (
    AuthError,
    InvalidInputError,
    NetworkError,
    NotFoundError,
    OmeError,
    OverloadedError,
    RateLimitedError,
    UnsupportedError,
)
from steps.sources.http_answers import changed

if TYPE_CHECKING:
    from collections.abc import Mapping

_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<Code>([^<]{1,100})</Code>")
_MESSAGE = re.compile(r"<Message>([^<]{1,300})</Message>", re.DOTALL)
_MISSING: "Mapping[str, str]" = {
    "NoSuchBucket": "the bucket does not exist",
    "ContainerNotFound": "the container does not exist",
}
_SLOW_DOWN = frozenset({"SlowDown", "ServerBusy", "TooManyRequests", "RequestLimitExceeded"})
_EXPIRED = frozenset({"ExpiredToken", "RequestTimeTooSkewed", "TokenRefreshRequired"})


def store_error(error: Exception, subject: str, credentials: str) -> OmeError:
    """The classed error of what a store's client raised.

    Args:
        error: Of obstore, or a built-in one that it raises.
        subject: What was asked for; it begins the message.
        credentials: How to give credentials.
    """
    text = str(error)
    status = int(found.group(1)) if (found := _STATUS.search(text)) else 0
    code = found.group(1) if (found := _CODE.search(text)) else ""
    told = f"{code}: {_MESSAGE.search(text).group(1).strip()}" if code and _MESSAGE.search(text) else code  # type: ignore[union-attr]
    why = f" ({told})" if told else ""
    if code in _SLOW_DOWN or status == 429:
        return RateLimitedError(f"{subject}: the store is asked too often (HTTP {status}){why}")
    if status in (401, 403) or type(error).__name__ in ("PermissionDeniedError", "UnauthenticatedError"):
        if code in _EXPIRED:
            return AuthError(f"{subject}: the credentials have expired (HTTP {status}){why}", remedy=credentials)
        return AuthError(f"{subject}: the store refused access (HTTP {status}){why}", remedy=credentials)
    if code in _MISSING or isinstance(error, FileNotFoundError) or status == 404:
        return NotFoundError(f"{subject}: {_MISSING.get(code, 'there is no such object')} (HTTP {status or 404})")
    if status in (412, 416) or type(error).__name__ == "PreconditionError":
        return changed(subject)
    if type(error).__name__ == "InvalidPathError":
        return InvalidInputError(
            f"{subject}: {_first_line(text)}",
            remedy='Rename the object: names with empty parts, "." or ".." cannot be files of a model.',
        )
    if status and status not in (408, 425) and status < 500:
        return UnsupportedError(f"{subject}: the store answered HTTP {status}, which was not expected{why}")
    if status:
        failure = OverloadedError if status == 503 else NetworkError
        return failure(f"{subject}: the store failed (HTTP {status}){why}")
    return NetworkError(
        f"{subject}: {_first_line(text)}",
        remedy="Check the connection, and the endpoint where another than the provider's own is used; then run again.",
    )


def _first_line(text: str) -> str:
    """The first line, without the query of a URL, where signatures are."""
    return re.sub(r"\?[^\s]*", "", text.partition("\n")[0])[:300]
