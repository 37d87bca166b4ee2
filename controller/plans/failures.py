"""Why a run failed: the step's own words and class, read from what Argo kept of them.

`controller.plans.runs` makes a `Failure` of a failed node; conditions print it, and its patience decides what follows.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from steps.errors import CLASSES, OmeError

Patience = Literal["retry", "slow", "never"]
"""Whether another attempt may help: soon, only when a person did something about it unseen by us, or not at all."""

_REASONS: Final[Mapping[str, str]] = {
    "auth": "AuthFailed",
    "not-found": "NotFound",
    "disk-full": "DiskFull",
    "rate-limited": "RateLimited",
    "integrity": "IntegrityFailed",
    "unsupported": "Unsupported",
    "invalid-input": "InvalidInput",
    "unsafe": "Unsafe",
    "signature": "SignatureFailed",
    "damaged": "Damaged",
    "does-not-fit": "DoesNotFit",
    "network": "NetworkFailed",
    "cluster": "ClusterFailed",
    "engine": "EngineFailed",
    "internal": "InternalError",
    "deadline": "DeadlineExceeded",
    "stopped": "Stopped",
    "vanished": "WorkflowVanished",
    "pod": "PodFailed",
    "workflow": "WorkflowError",
}
_SLOW: Final = frozenset({"disk-full"})
_SOON: Final = frozenset({c.code for c in CLASSES if c.retryable} | {"deadline", "vanished", "pod", "workflow"})
_BY_EXIT_CODE: Final[Mapping[int, type[OmeError]]] = {c.exit_code: c for c in CLASSES}
_REMEDIES: Final[Mapping[str, str]] = {
    "deadline": "Look at the run's pods: one may be waiting for a node, an image or a slow source.",
    "stopped": 'Set the annotation "ome.io/retry" to a new value to start again.',
    "vanished": "It is started again; keep runs until they have ended.",
    "pod": "See the pod's events and log.",
    "workflow": "Argo could not go on with it. Templates of this version may be missing: ome install puts them there.",
    "internal": OmeError.default_remedy,
}
_LONGEST: Final = 800


@dataclass(frozen=True, slots=True)
class Failure:
    """One failure.

    Attributes:
        code: The class of `steps.errors`, or deadline, stopped, vanished, pod, workflow.
        message: What was wrong.
        remedy: What a person can do.
        task: The task of the workflow that failed; "" for the run as a whole.
    """

    code: str
    message: str
    remedy: str = ""
    task: str = ""

    @property
    def reason(self) -> str:
        """One CamelCase word for a condition."""
        return (
            _REASONS.get(self.code) or "".join(part.capitalize() for part in re.split(r"\W+", self.code)) or "Failed"
        )

    @property
    def patience(self) -> Patience:
        """Whether another attempt may help."""
        if self.code in _SLOW:
            return "slow"
        return "retry" if self.code in _SOON else "never"

    @property
    def sentence(self) -> str:
        """Cause and remedy."""
        return f"{_ended(self.message)} {self.remedy}".strip()


def failure(code: str, message: str, task: str = "") -> Failure:
    """A failure that no step has told of, with its usual remedy."""
    return Failure(code, message, _REMEDIES.get(code, ""), task)


def read_failure(message: str, task: str = "") -> Failure:
    """The failure in a node's message, such as `Error (exit code 10): {"code": "auth", …}`.

    What is not JSON is told by its exit code, and what has none is the pod's own end (out of memory, node lost).
    """
    told = _json_in(message)
    if told:
        code = str(told["code"])
        return Failure(code, _shortened(str(told.get("message", ""))), str(told.get("remedy", "")), task)
    match = re.search(r"\(exit code (\d{1,3})\)", message)
    text = _shortened(message.partition("): ")[2] or message) if match else _shortened(message)
    if match and (found := _BY_EXIT_CODE.get(int(match.group(1)))):
        return Failure(found.code, text, found.default_remedy, task)
    if match and int(match.group(1)) == 1:
        return failure("internal", text, task)
    if re.search(r"deadline|duration limit", message, re.IGNORECASE):
        return failure("deadline", text, task)
    return failure("pod", text or "its pod ended without a word", task)


def _json_in(message: str) -> dict[str, Any] | None:
    start = message.find("{")
    if start < 0:
        return None
    try:
        found, _ = json.JSONDecoder().raw_decode(message, start)
    except ValueError:
        return None
    return found if isinstance(found, dict) and isinstance(found.get("code"), str) else None


def _shortened(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _ended(text: str) -> str:
    return text if not text or text.endswith((".", "!", "?", "…")) else f"{text}."
