"""What an API server's answer means when it is not what was asked for: a class, its own words, and a remedy. Pure.

Called by `steps.cluster.api`.
"""

import json
import re
from typing import Final

from steps.errors import AuthError, ClusterError, InvalidInputError, NotFoundError, OmeError, UnsupportedError

RETRIED: Final = (429, 500, 502, 503, 504)
"""Statuses after which the same request may be answered."""


class ConflictError(ClusterError):
    """Another writer was first: the object has changed, or exists already."""


def unreachable(server: str, error: Exception) -> ClusterError:
    """The error of an API server that did not answer, after all retries."""
    reason = getattr(error, "reason", None) or error
    words = re.sub(r"<[^>]*>|\w+\(host=.*?\): ?", "", str(reason)).strip(" :,") or type(reason).__name__
    return ClusterError(
        f"the API server at {server} does not answer: {words}",
        remedy="Check that it runs and that a network policy lets this namespace reach it; then run again.",
    )


def refusal(method: str, path: str, status: int, answer: bytes, *, is_pod: bool = True) -> OmeError:
    """The error of an answer that is one: which object, and the API server's own words.

    Args:
        method: Of the request.
        path: The same.
        status: Of the answer.
        answer: Its body.
        is_pod: Whether a pod's service account asked, and not whoever KUBECONFIG names.
    """
    try:
        said = json.loads(answer)
    except ValueError:
        said = {}
    words = str(said.get("message") or answer[:300].decode(errors="replace")) if isinstance(said, dict) else ""
    words = " ".join(words.split())[:1000] or "nothing"
    if status == 401 and not is_pod:
        return AuthError(
            f"the API server does not accept the credentials of KUBECONFIG (401): {words}",
            remedy="Log in to the cluster again; `kubectl auth whoami` with the same file says as whom it knows you.",
        )
    if status == 401:
        return AuthError(
            f"the API server does not know this pod's service account (401): {words}",
            remedy="Start the step again for a new token; if it stays, check the service account of the pod.",
        )
    if status == 403:
        return _forbidden(words)
    if status == 404:
        return NotFoundError(words, remedy="Check the name; for a kind that is not there, install the CRDs.")
    if status == 409:
        return ConflictError(words, remedy="Run again.")
    if status == 413 or (status == 422 and "Too long" in words):
        return UnsupportedError(f"{path} is too large for the API server: {words}", remedy="Make it smaller.")
    if status in RETRIED:
        return ClusterError(f"{method} {path} failed ({status}) again and again: {words}", remedy="Run again later.")
    return InvalidInputError(f"the API server refused {path} ({status}): {words}")


def _forbidden(words: str) -> AuthError:
    """A missing permission: the API server's words name verb, resource and account; the remedy says who may ask."""
    account = re.search(r'User "system:serviceaccount:([^:"]+):([^"]+)"', words)
    asked = re.search(r'cannot (\w+) resource "([^"]+)"(?: in API group "([^"]*)")?', words)
    scope = re.search(r'in the namespace "([^"]+)"', words)
    if account is None or asked is None:
        return AuthError(
            f"the API server forbids it: {words}", remedy="Give this account the right, or ask who administers it."
        )
    verb, resource, group = asked[1], asked[2], asked[3]
    named = f"{resource}.{group}" if group else resource
    where = f"in namespace {scope[1]}" if scope else "in the whole cluster"
    option = f"-n {scope[1]}" if scope else "--all-namespaces"
    return AuthError(
        f"service account {account[1]}/{account[2]} may not {verb} {named} {where}",
        remedy=f"`ome install` puts roles back as they were; else give it this right. Check with `kubectl auth can-i "
        f"{verb} {named} {option} --as=system:serviceaccount:{account[1]}:{account[2]}`.",
    )
