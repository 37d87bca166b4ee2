"""What a service's status remembers of the runs that deployed it, which are cleared away in time."""

import json
from collections.abc import Mapping
from typing import Any, Final

from controller.observed import Context
from controller.plans.naming import digest_of
from controller.plans.runs import Run
from controller.plans.service_inputs import (
    DEPLOYED,
    ENDPOINT,
    RUNTIME_DIGEST,
    SELECTED_FOR,
    Asked,
    find_runtime,
)

WARNINGS: Final = "ome.io/warnings"
"""Key of `status.annotations`, beside those of `service_inputs`."""


def remembered(asked: Asked, done: Run | None, selection: Mapping[str, Any], context: Context) -> dict[str, str]:
    """`status.annotations` as they should be.

    Args:
        asked: What the service asks for.
        done: The newest run that deployed just this; None when it is gone, or there was none.
        selection: Of the status as it should be.
        context: Where the runtime is found.
    """
    made = dict(asked.remembered)
    if done is not None:
        made[DEPLOYED] = asked.spec_digest
        made |= {SELECTED_FOR: asked.asked} if selection else {}
        is_new = not asked.is_deployed or RUNTIME_DIGEST not in made
        runtime = find_runtime(asked.service, selection, context) if is_new and selection else None
        if runtime is not None:
            made[RUNTIME_DIGEST] = digest_of(runtime.get("spec"))
        made.pop(WARNINGS, None)
        made |= {WARNINGS: _compact(found)} if (found := warnings_of(asked, done)) else {}
    if endpoint := endpoint_of(asked, done):
        made[ENDPOINT] = _compact(endpoint)
    return made


def endpoint_of(asked: Asked, done: Run | None) -> Mapping[str, Any]:
    """Where it answers: as the run says, else as the status remembers; {} when nobody knows."""
    text = done.output("endpoint", "deploy") if done is not None else ""
    for source in (text, asked.remembered.get(ENDPOINT, "")):
        found = _parsed(source)
        if isinstance(found, dict) and found.get("url"):
            return found
    return {}


def warnings_of(asked: Asked, done: Run | None) -> tuple[str, ...]:
    """What was accepted without effect: as the run says, else as the status remembers of it."""
    found = _parsed(done.output("warnings", "deploy") if done is not None else asked.remembered.get(WARNINGS, ""))
    return tuple(str(warning) for warning in found) if isinstance(found, list) else ()


def _parsed(text: str) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError:
        return None


def _compact(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
