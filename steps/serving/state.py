"""A deployment's folder, `$OME_HOME/deployments/<namespace>.<service>/`: what it is to be, and how it is.

launch.json       the launch plan, and who asked for it
state.json        how it is; written by the supervisor alone while there is one
accepted          exists once a deploy has seen it answer; until then it ends with the process that asked for it
endpoint.json     the endpoint as deploy found it, with the model's name as the engine lists it
engine.log        what the engine prints; engine.log.1 is the one before
supervisor.log    what the supervisor prints, normally nothing
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import ValidationError

from steps.errors import InvalidInputError
from steps.frozen import Frozen
from steps.home import LONGEST_NAMESPACE, checked_name, home, part, write_atomically
from steps.serving.identity import ProcessIdentity, find_process
from steps.serving.launch import LaunchPlan

if TYPE_CHECKING:
    from filelock import FileLock

Phase = Literal["Starting", "Ready", "CrashLoopBackOff", "Failed", "Stopped"]
LAUNCH, STATE, ACCEPTED = "launch.json", "state.json", "accepted"
ENDPOINT, SUPERVISOR_LOG = "endpoint.json", "supervisor.log"


class LaunchOrder(Frozen):
    """A launch plan and the process that waits for it."""

    plan: LaunchPlan
    asked_by: ProcessIdentity | None = None


class DeploymentState(Frozen):
    """How a deployment is.

    Attributes:
        phase: Starting (also when a running engine stopped being well), Ready, CrashLoopBackOff (crashed, about to be
            started again), Failed (crashed too often; it stays down) or Stopped.
        digest: Of the launch plan this is the state of.
        url: Base URL, without `/v1`; "" until the engine was started once.
        supervisor, engine: Their processes.
        restarts: How often the engine was started again.
        since: When the phase began, ISO 8601 in UTC.
        message: What it waits for or what went wrong, in a sentence.
        last_lines: Of the engine's log, when it crashed.
    """

    phase: Phase
    digest: str
    url: str = ""
    supervisor: ProcessIdentity | None = None
    engine: ProcessIdentity | None = None
    restarts: int = 0
    since: str = ""
    message: str = ""
    last_lines: tuple[str, ...] = ()

    @property
    def is_supervised(self) -> bool:
        """Whether its supervisor runs; else nothing keeps the engine and the phase may be out of date."""
        return find_process(self.supervisor) is not None

    @property
    def has_ended(self) -> bool:
        """Whether it was stopped or lost its supervisor, rather than failed by itself."""
        return self.phase == "Stopped" or (self.phase != "Failed" and not self.is_supervised)


def deployment_folder(service: str, namespace: str) -> Path:
    """Where a service's deployment lives; it need not exist.

    Raises:
        InvalidInputError: for an impossible name.
    """
    checked_name("service", service)
    if "." in checked_name("namespace", namespace, LONGEST_NAMESPACE):
        raise InvalidInputError(
            f'namespace: "{namespace}" has a dot', remedy="Use lower-case letters, digits and '-'."
        )
    return home() / "deployments" / f"{namespace}.{service}"


def deployment_folders() -> Iterator[Path]:
    """The folders of all deployments, by name."""
    yield from sorted(path for path in part("deployments").iterdir() if path.is_dir())


def deployment_lock(folder: Path) -> "FileLock":
    """The lock that whoever starts or stops a deployment holds."""
    from filelock import FileLock  # here, because a supervisor starts faster without it

    return FileLock(part("locks") / f"deployment.{folder.name}.lock")


def read_order(folder: Path) -> LaunchOrder | None:
    """What was asked for, or None when nothing readable is there."""
    try:
        return LaunchOrder.model_validate_json((folder / LAUNCH).read_bytes())
    except (OSError, ValidationError):
        return None


def write_order(folder: Path, order: LaunchOrder) -> None:
    """Write what is asked for."""
    write_atomically(folder / LAUNCH, order.model_dump_json(by_alias=True, indent=1).encode())


def read_state(folder: Path) -> DeploymentState | None:
    """How it is, or None when nothing readable is there."""
    try:
        return DeploymentState.model_validate_json((folder / STATE).read_bytes())
    except (OSError, ValidationError):
        return None


def write_state(folder: Path, state: DeploymentState) -> None:
    """Write how it is."""
    write_atomically(folder / STATE, state.model_dump_json(by_alias=True, indent=1).encode(), is_durable=False)


def now_text() -> str:
    """This moment as ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
