"""`python -m steps <step> <parameters.json>`: what every step template runs, in a pod and on one machine.

Exit codes are the error's class (`steps.errors`); the last lines on stderr are the error and its remedy, and the same
as JSON goes to the termination log, which Kubernetes and the local runner show.
"""

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from steps.cluster.pod import use_writable_places
from steps.contract import (
    StepOutputs,
    failure_of,
    find_step,
    read_inputs,
    step_root,
    write_empty_outputs,
    write_outputs,
)
from steps.errors import InvalidInputError, OmeError


def main(arguments: list[str]) -> int:
    """Run one step and return its exit code."""
    code_when_stopped = _interrupt_on_signals()
    use_writable_places()
    step = None
    try:
        if len(arguments) != 2:
            raise InvalidInputError(
                f"steps: expected 2 arguments, got {len(arguments)}",
                remedy="Run `python -m steps <step> <file with a JSON list of {name, value}>`.",
            )
        step = find_step(arguments[0])
        inputs = read_inputs(step, _read_parameters(Path(arguments[1])))
        write_outputs(step.function(inputs), step_root())
    except OmeError as error:
        return _fail(error, step_name=arguments[0] if arguments else "", step_known=step is not None)
    except KeyboardInterrupt:
        return code_when_stopped()
    except Exception as error:  # noqa: BLE001 - the border: nothing else may reach a user
        traceback.print_exc()
        return _fail(OmeError(f"{type(error).__name__}: {error}"), arguments[0], step_known=step is not None)
    return 0


def _interrupt_on_signals() -> Callable[[], int]:
    """Make SIGTERM an interrupt, as Ctrl-C is; gives the exit code that belongs to the signal that came.

    An interrupt, and not an exit from where the signal happens to land: inside a task of asyncio that would end the
    loop around all other tasks, with tracebacks. asyncio answers an interrupt by cancelling its work in order.
    """
    came: list[int] = []

    def terminate(number: int, _: FrameType | None) -> None:
        came.append(number)
        signal.raise_signal(signal.SIGINT)

    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it for what runs in the background
    signal.signal(signal.SIGTERM, terminate)
    return lambda: 128 + (came[0] if came else signal.SIGINT)


def _read_parameters(path: Path) -> dict[str, str]:
    try:
        return {row["name"]: row["value"] for row in json.loads(path.read_text())}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidInputError(
            f"parameters: {path} cannot be read: {error}",
            remedy='Give a file with a JSON list of {"name": ..., "value": ...}, as Argo makes it.',
        ) from None


def _fail(error: OmeError, step_name: str, *, step_known: bool) -> int:
    if isinstance(error.outputs, StepOutputs):
        write_outputs(error.outputs, step_root())
    if step_known:
        write_empty_outputs(find_step(step_name), step_root())
    termination_log = Path(os.environ.get("OME_TERMINATION_LOG", "/dev/termination-log"))
    if termination_log.exists() or "OME_TERMINATION_LOG" in os.environ:
        termination_log.write_text(failure_of(error).model_dump_json())
    sys.stderr.write(f"error ({error.code}): {error.message}\n  {error.remedy}\n")
    return error.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
