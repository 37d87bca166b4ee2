"""When to start a crashed engine again: after a growing pause, and not for ever.

Pure but for reading its settings. Called by `supervisor`.
"""

import os
from collections.abc import Sequence

from steps.errors import InvalidInputError
from steps.frozen import Frozen


class RestartPolicy(Frozen):
    """How patient to be with an engine that crashes.

    Attributes:
        pause_seconds: Before the first restart; doubled after every further crash within the window.
        longest_pause_seconds: Upper bound of a pause.
        limit: This many crashes within the window are the end.
        window_seconds: Crashes longer ago are forgiven.
    """

    pause_seconds: float = 1.0
    longest_pause_seconds: float = 30.0
    limit: int = 5
    window_seconds: float = 300.0


def policy_from_environment() -> RestartPolicy:
    """The policy, with `OME_RESTART_PAUSE_SECONDS` and `OME_RESTART_LIMIT` over the defaults.

    Raises:
        InvalidInputError: when one of them is not a number above 0.
    """
    default = RestartPolicy()
    return RestartPolicy(
        pause_seconds=positive_setting("OME_RESTART_PAUSE_SECONDS", default.pause_seconds),
        limit=max(1, int(positive_setting("OME_RESTART_LIMIT", default.limit))),
    )


def pause_before_restart(crashes: Sequence[float], policy: RestartPolicy) -> float | None:
    """Seconds to wait before the next start, or None when it is to stay down.

    Args:
        crashes: Times of all crashes in seconds on one clock, ascending; the last is the present one.
        policy: How patient to be.
    """
    recent = sum(1 for crash in crashes if crashes[-1] - crash < policy.window_seconds)
    if recent >= policy.limit:
        return None
    return min(policy.longest_pause_seconds, policy.pause_seconds * 2.0 ** (recent - 1))


def positive_setting(name: str, default: float) -> float:
    """A number from the environment.

    Raises:
        InvalidInputError: when it is not a number above 0.
    """
    text = os.environ.get(name, "")
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise InvalidInputError(f'{name}: "{text}" is not a number above 0', remedy=f"Unset it, or give {default:g}.")
    return value
