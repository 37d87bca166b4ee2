"""What an HTTP answer means: the class of error, and the remedy, of every status a source can send. Pure."""

import time
from collections.abc import Mapping
from urllib.parse import urlsplit, urlunsplit

from steps.errors import (
    AuthError,
    IntegrityError,
    NetworkError,
    NotFoundError,
    OmeError,
    OverloadedError,
    RateLimitedError,
    UnsupportedError,
)
from steps.manifest import FileEntry
from steps.sources.patience import retry_after_seconds

_CODES_NOT_FOUND = {
    "RepoNotFound": "the repository does not exist, or is private and the token may not see it",
    "RevisionNotFound": "the revision does not exist",
    "EntryNotFound": "the file does not exist at this revision",
}


def has_token(headers: Mapping[str, str]) -> bool:
    """Whether a request with these headers says who asks."""
    return "Authorization" in headers


def error_of(
    status: int, headers: Mapping[str, str], subject: str, *, has_token: bool, credentials: str = ""
) -> OmeError:
    """The error for an answer that is not a success.

    Args:
        status: HTTP status code.
        headers: Of the answer, with case-insensitive keys.
        subject: What was asked for, such as `hf://org/name` or a file in it; it begins the message.
        has_token: Whether the request had a token: decides the remedy.
        credentials: How to give credentials; "" for the hub's.
    """
    code = headers.get("X-Error-Code", "")
    told = headers.get("X-Error-Message", "")
    if code == "GatedRepo":
        return _gated(status, subject, has_token=has_token)
    if code in _CODES_NOT_FOUND:
        return _not_found(code, subject, has_token=has_token)
    if _asks_for_patience(status, headers):
        wait = retry_after_seconds(headers, time.time())
        asked = f", and asks for {wait:.0f} s of patience" if wait is not None else ""
        what = "has too much to do" if status == 503 else "is asked too often"
        return RateLimitedError(f"{subject}: the source {what} (HTTP {status}){asked}", retry_after_seconds=wait)
    if status in (401, 403):
        why = f": {told}" if told else ""
        if has_token:
            return AuthError(
                f"{subject}: the source refused the token (HTTP {status}){why}",
                remedy=credentials
                or "Check that HF_TOKEN, on a cluster the Secret of spec.storage.key, is complete and not revoked, or "
                "leave it out for public models.",
            )
        return AuthError(f"{subject}: the source asks for a token (HTTP {status}){why}", remedy=credentials)
    if status in (404, 410):
        hint = f" For what is private: {credentials}" if credentials and not has_token else ""
        return NotFoundError(
            f"{subject}: not found (HTTP {status})",
            remedy=f"Check the name and its spelling; where a file was replaced at its source, import again.{hint}",
        )
    if status in (412, 416):
        return changed(subject)
    if status in (408, 425) or status >= 500:
        failure = OverloadedError if status == 503 else NetworkError
        return failure(
            f"{subject}: the source failed (HTTP {status})",
            remedy="The source itself fails: wait, then run again; what is already downloaded is kept.",
        )
    return UnsupportedError(f"{subject}: the source answered HTTP {status}, which was not expected")


def _asks_for_patience(status: int, headers: Mapping[str, str]) -> bool:
    """Whether the source is asked too often, or says how long it will be overloaded (RFC 9110, section 15.6.4)."""
    if status == 403:
        return headers.get("X-RateLimit-Remaining") == "0"
    return status == 429 or (status == 503 and "Retry-After" in headers)


def changed(subject: str) -> IntegrityError:
    """The file at the source is no longer the one that the manifest names."""
    return IntegrityError(
        f"{subject}: the file changed at its source while it was read",
        remedy="Import again: the new manifest will name the file as it is now.",
    )


def led_nowhere(subject: str, location: str, named_by: str) -> NetworkError:
    """A source that redirects to what is no address over HTTP.

    Args:
        subject: What was asked for.
        location: Where it says to go.
        named_by: The variable that names another server; "" for none.
    """
    place = location.partition("?")[0][:200]  # behind it signatures are
    return NetworkError(f'{subject}: redirected to "{place}", which is no address over HTTP', remedy=_way(named_by))


def of_other_size(subject: str, there: int, named: int) -> IntegrityError:
    """The file at the source has another size than the manifest names.

    Args:
        subject: Which file.
        there: Bytes at the source.
        named: Bytes in the manifest.
    """
    return IntegrityError(
        f"{subject}: the file at its source has {there} bytes, the manifest says {named}",
        remedy="Import again: the new manifest will name the file as it is now. If it says so again, the source's "
        "listing is wrong.",
    )


def expired(subject: str) -> NetworkError:
    """The store that a source sent us to no longer takes the address that it was given."""
    return NetworkError(
        f"{subject}: the store's signed address has expired",
        remedy="Run again, which asks for a new address: what is already downloaded is kept. If that fails too, a "
        "mirror or proxy on the way keeps old answers.",
    )


def lost_in_redirects(subject: str, most: int, last: str, named_by: str) -> NetworkError:
    """A source that redirects again and again.

    Args:
        subject: What was asked for.
        most: Redirects that are followed.
        last: Where the last one led.
        named_by: The variable that names another server; "" for none.
    """
    return NetworkError(
        f"{subject}: more than {most} redirects, the last to {public_url(last)}", remedy=_way(named_by)
    )


def _way(named_by: str) -> str:
    named = f"{named_by} and " if named_by else ""
    return f"Check {named}any mirror or proxy on the way; then run again: what is already downloaded is kept."


def is_other_digest(headers: Mapping[str, str], digest: str) -> bool:
    """Whether a hub's own answer names another file than the one with `digest`.

    The hub's ETag is the file's digest; an address in between (a mirror, a proxy) may send one of its own form, which
    says nothing.
    """
    etag = (headers.get("X-Linked-ETag") or headers.get("ETag", "")).removeprefix("W/").strip('"')
    return len(etag) == len(digest) and etag != digest


def public_url(url: str) -> str:
    """A URL fit for logs: without query and user, where signatures and passwords are."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return urlunsplit((parts.scheme, f"{host}:{parts.port}" if parts.port else host, parts.path, "", ""))


def path_of(file: FileEntry) -> str:
    """The path of a file's URL at its source.

    Raises:
        IntegrityError: when the manifest has something else there: behind a host's name it would make another host,
            which would be sent the token.
    """
    if not file.location.startswith("/") or file.location.startswith("//"):
        raise IntegrityError(
            f'{file.path}: the manifest says that it is at "{file.location}", which is no path at its source',
            remedy="Do not use this manifest; import the model from its source.",
        )
    return file.location


def origin_of(url: str) -> tuple[str, str, int]:
    """Scheme, host and port: what a token may be sent to."""
    parts = urlsplit(url)
    default = {"http": 80, "https": 443}.get(parts.scheme, 0)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or default


def _gated(status: int, subject: str, *, has_token: bool) -> AuthError:
    if has_token:
        return AuthError(
            f"{subject}: the repository is gated and the token's account has no access (HTTP {status})",
            remedy="Accept the model's conditions on its page with that account, and allow gated repositories for the "
            "token.",
        )
    return AuthError(
        f"{subject}: the repository is gated and no token was given (HTTP {status})",
        remedy="Accept the model's conditions on its page, then set HF_TOKEN, or name a Secret in spec.storage.key.",
    )


def _not_found(code: str, subject: str, *, has_token: bool) -> NotFoundError:
    remedy = "Check the name and its spelling."
    if code == "RepoNotFound" and not has_token:
        remedy = (
            "Check the name and its spelling; for a private repository set HF_TOKEN, or name a Secret in "
            "spec.storage.key."
        )
    if code == "RevisionNotFound":
        remedy = "Give a branch, a tag or a commit that the repository has."
    return NotFoundError(f"{subject}: {_CODES_NOT_FOUND[code]}", remedy=remedy)
