"""Digests of what is wanted, and names of the workflows that bring it about.

A name says what its workflow is for, so that creating it twice is impossible: a plan that was cut short is carried out
again and finds its workflow there.
"""

import hashlib
import json
import re
from collections.abc import Iterable
from typing import Any, Final

LONGEST_RUN: Final = 63
"""Argo writes a workflow's name into a label of its pods."""
LONGEST_CRON: Final = 52
"""Argo adds a dash and ten digits to a CronWorkflow's name."""
_ATTEMPT_ROOM: Final = 4
_DIGITS: Final = 8


def digest_of(value: Any) -> str:
    """Digest (hex, 16 digits) of a JSON value, the same for equal values."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def run_name(verb: str, name: str, inputs: str, attempt: int) -> str:
    """`<verb>-<name>-<hash8>-<attempt>`, the name shortened where a workflow's may not be as long.

    Args:
        verb: import, evict, deploy or benchmark.
        name: Of the resource.
        inputs: Of which the first eight digits of a digest are taken (hashed again when it is no plain digest).
        attempt: From 1.
    """
    short = hashlib.sha256(inputs.encode()).hexdigest()[:_DIGITS]
    room = LONGEST_RUN - len(verb) - _DIGITS - _ATTEMPT_ROOM - 3
    return f"{verb}-{_beginning(name, room)}-{short}-{attempt}"


def next_run(verb: str, name: str, inputs: str, known: Iterable[str]) -> str:
    """Name of the next attempt after those whose runs are known by name."""
    prefix = run_name(verb, name, inputs, 0)[:-1]
    attempts = (_attempt_of(run) for run in known if run.startswith(prefix))
    return run_name(verb, name, inputs, 1 + max(attempts, default=0))


def _attempt_of(run: str) -> int:
    """The attempt that a workflow's name ends with; 0 when it ends with none."""
    match = re.search(r"-(\d{1,6})$", run, re.ASCII)
    return int(match.group(1)) if match else 0


def cron_name(namespace: str, name: str) -> str:
    """The CronWorkflow of a benchmark: the same as long as the benchmark has its name."""
    short = hashlib.sha256(f"{namespace}/{name}".encode()).hexdigest()[:_DIGITS]
    room = LONGEST_CRON - len("benchmark") - _DIGITS - 2
    return f"benchmark-{_beginning(name, room)}-{short}"


def _beginning(name: str, room: int) -> str:
    return name[:room].rstrip("-.")
