"""Deploying a service on this machine: plan, start or reuse, wait until it answers, say why when it does not.

Called by `steps.deploy_service`. Whatever a call started ends with it unless it succeeds: on an error, on Ctrl-C, and
(by the supervisor's own watch) when this process is killed outright.
"""

import contextlib
import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from steps.choice import Choice
from steps.endpoint import Endpoint
from steps.errors import (
    ClusterError,
    DiskFullError,
    EngineFailedError,
    InvalidInputError,
    NotFoundError,
    OmeError,
    UnsupportedError,
)
from steps.home import write_atomically
from steps.published_model import find_model
from steps.resources import Resource, ResourceFolder
from steps.serving import probe, state
from steps.serving.asked_hardware import check_accelerator
from steps.serving.chat import served_names
from steps.serving.deployments import refresh_service, stop_locked
from steps.serving.identity import MARK, find_process, identify
from steps.serving.launch import LaunchPlan
from steps.serving.logs import LOG_NAME, last_lines, start_log
from steps.serving.plan import make_plan, this_machine
from steps.serving.served_model import served_model
from steps.serving.service_resource import desired_service, with_conditions, with_selection
from steps.serving.state import DeploymentState, LaunchOrder

POLL_SECONDS = 0.05
_SUPERVISOR_START_SECONDS = 30.0

Report = Callable[[str, float], None]
"""Told what is waited for, and for how many seconds it has been."""


@dataclass(frozen=True)
class Deployed:
    """A deployment that answers.

    Attributes:
        endpoint: Where.
        reused: Whether it was running already, just as asked for.
        warnings: What was accepted but has no effect, in sentences.
    """

    endpoint: Endpoint
    reused: bool
    warnings: tuple[str, ...] = ()


def deploy(
    service: str, namespace: str, model: str, choice: Choice, *, replicas: int, timeout_seconds: float, report: Report
) -> Deployed:
    """Make the service's engine run as asked for, and return when it answers.

    Raises:
        UnsupportedError: for what needs a cluster.
        InvalidInputError, NotFoundError: for resources that do not fit together.
        EngineFailedError: when the engine ends again and again; the message has its last log lines.
        ClusterError: when it does not answer in time, or another deploy replaced it.
    """
    if replicas < 1:
        raise InvalidInputError(f'replicas: "{replicas}" is below 1', remedy="Give 1, or delete the service.")
    if replicas > 1:
        raise UnsupportedError(f'replicas: "{replicas}": one machine runs one replica', remedy="Give 1.")
    if not choice.runtime:
        raise InvalidInputError('choice: runtime is ""', remedy="Run select-runtime first and hand its choice on.")
    folder = state.deployment_folder(service, namespace)
    resources = ResourceFolder()
    model_resource = find_model(resources, model, namespace)
    served = served_model(model_resource)
    kind = "ServingRuntime" if choice.runtime_namespace else "ClusterServingRuntime"
    runtime = resources.get(kind, choice.runtime, choice.runtime_namespace)

    def desired(old: Resource | None) -> Resource:
        model_kind = str(model_resource.get("kind", "ClusterBaseModel"))
        return desired_service(
            old, name=service, namespace=namespace, model=model, model_kind=model_kind, replicas=replicas
        )

    wanted = desired(resources.find("InferenceService", service, namespace))
    check_accelerator(wanted, choice)
    plan, warnings = make_plan(wanted, runtime, served, choice, this_machine())
    resources.update(
        "InferenceService",
        service,
        namespace,
        lambda old: with_selection(desired(old), choice, served.revision, state.now_text()),
    )
    launch = _Launch(folder, plan, time.monotonic() + timeout_seconds, timeout_seconds, report)
    try:
        reused = launch.run()
        url = _url(folder)
        endpoint = Endpoint(
            url=url, model_name=_model_name(url, plan), service=service, namespace=namespace, engine=choice.runtime
        )
        write_atomically(folder / state.ENDPOINT, endpoint.model_dump_json(by_alias=True).encode())
    except OmeError as error:
        now = state.read_state(folder)
        if now is None or now.digest == plan.digest:  # else it is another deploy's to tell
            _tell_failure(resources, service, namespace, error)
        raise
    except OSError as error:
        kind_of_error = DiskFullError if error.errno == errno.ENOSPC else ClusterError
        raise kind_of_error(f"service {namespace}/{service}: {error}", remedy=f"See {folder}.") from error
    finally:
        launch.close()
    refresh_service(resources, service, namespace)
    return Deployed(endpoint, reused, warnings)


class _Launch:
    """One attempt to have a plan running; `close` ends what it started unless it came up."""

    def __init__(self, folder: Path, plan: LaunchPlan, deadline: float, seconds: float, report: Report) -> None:
        self._folder, self._plan, self._deadline, self._seconds, self._report = folder, plan, deadline, seconds, report
        self._began = time.monotonic()
        self._is_ours = self._is_up = False

    def run(self) -> bool:
        """Start or join, and wait; whether it was running and answering already.

        Raises:
            ClusterError: when it does not come up.
        """
        while True:
            with state.deployment_lock(self._folder):
                now = state.read_state(self._folder)
                if now is not None and now.digest == self._plan.digest and now.is_supervised:
                    if now.phase == "Ready" and self._listens(now):
                        self._accept()
                        return True
                    was_there = True
                else:
                    was_there = False
                    stop_locked(self._folder)
                    self._is_ours = True
                    self._start()
            if self._wait(was_there=was_there):
                return False

    def close(self) -> None:
        """End what this call started and does not leave running; no signal interrupts this."""
        if not self._is_ours or self._is_up:
            return
        with _undisturbed(), state.deployment_lock(self._folder):
            now = state.read_state(self._folder)
            if now is None or now.digest == self._plan.digest:
                stop_locked(self._folder)

    def _start(self) -> None:
        """Start the supervisor; returns when it has said who it is."""
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / state.ACCEPTED).unlink(missing_ok=True)
        start_log(self._folder)
        state.write_order(self._folder, LaunchOrder(plan=self._plan, asked_by=identify(os.getpid())))
        for name in (state.STATE, state.ENDPOINT):
            (self._folder / name).unlink(missing_ok=True)
        with (self._folder / state.SUPERVISOR_LOG).open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "steps.serving.supervisor", str(self._folder)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self._folder, start_new_session=True,
                env={**os.environ, MARK: str(self._folder)},
            )  # fmt: skip
        _CHILDREN.append(process)
        give_up = time.monotonic() + _SUPERVISOR_START_SECONDS
        while state.read_state(self._folder) is None:
            if process.poll() is not None or time.monotonic() > give_up:
                said = "\n".join(last_lines(self._folder / state.SUPERVISOR_LOG)) or "it said nothing"
                raise ClusterError(
                    f"the supervisor of {self._name} did not start: {said}",
                    remedy=f"Its log: {self._folder / state.SUPERVISOR_LOG}",
                )
            time.sleep(POLL_SECONDS)

    def _wait(self, *, was_there: bool) -> bool:
        """Until it is ready; False when what we joined was stopped under us and has to be started anew.

        Raises:
            ClusterError: when it failed, was stopped or replaced, or the time is up.
        """
        while True:
            now = state.read_state(self._folder)
            if now is None or now.has_ended:
                with state.deployment_lock(self._folder):  # whoever stopped it may be starting another now
                    now = state.read_state(self._folder)
            if now is not None and now.digest != self._plan.digest:
                raise ClusterError(f"{self._name} was replaced by another deploy meanwhile", remedy="Deploy again.")
            if now is None or now.has_ended:
                if was_there:
                    return False
                why = "it was deleted" if now is None else now.message or "stopped"
                if now is not None and now.phase != "Stopped":
                    why = "its supervisor was killed"
                raise ClusterError(f"{self._name} ended while it was starting: {why}", remedy="Deploy again.")
            if now.phase == "Ready" and self._listens(now):
                self._accept()
                return True
            if now.phase == "Failed":
                raise self._failure(EngineFailedError, f"does not start: {now.message}", now)
            if time.monotonic() > self._deadline:
                raise self._failure(ClusterError, f"did not answer within {self._seconds:g} s: {now.message}", now)
            self._report(_waiting_for(self._plan, now), time.monotonic() - self._began)
            time.sleep(POLL_SECONDS)

    def _accept(self) -> None:
        (self._folder / state.ACCEPTED).touch()
        self._is_up = True

    def _listens(self, now: DeploymentState) -> bool:
        """Whether the engine is there now. Its supervisor judges its health: a busy engine may be slow to answer."""
        port = int(now.url.rpartition(":")[2])
        return find_process(now.engine) is not None and not probe.ask(probe.Probe(), port)

    def _failure(self, kind: type[ClusterError], what: str, now: DeploymentState) -> ClusterError:
        log = self._folder / LOG_NAME
        lines = last_lines(log) or now.last_lines
        said = "".join(f"\n    {line}" for line in lines) if lines else " it printed nothing"
        return kind(
            f"{self._name} {what}\n  last lines of its log:{said}",
            remedy=f"The whole log: {log}. Correct the runtime, the service or the model, and deploy again.",
        )

    @property
    def _name(self) -> str:
        return f"service {self._plan.namespace}/{self._plan.service}"


_CHILDREN: list["subprocess.Popen[bytes]"] = []
"""Supervisors that this process started: kept, so that none is waited for when its object goes away."""


def _waiting_for(plan: LaunchPlan, now: DeploymentState) -> str:
    if now.phase == "CrashLoopBackOff":
        return f"{plan.runtime}: {now.message}"
    restarts = f" (restart {now.restarts})" if now.restarts else ""
    return f"{plan.runtime}: waiting until it answers{restarts}"


def _url(folder: Path) -> str:
    now = state.read_state(folder)
    return now.url if now is not None else ""


def _model_name(url: str, plan: LaunchPlan) -> str:
    """The name that requests must carry: ours if the engine lists it or does not tell, else the one it serves."""
    names = served_names(url)
    return plan.served_name if not names or plan.served_name in names else names[0]


def _tell_failure(resources: ResourceFolder, service: str, namespace: str, error: OmeError) -> None:
    first_line = error.message.partition("\n")[0]
    reasons = [(kind, False, type(error).__name__, first_line) for kind in ("Deployed", "EngineReady", "Ready")]

    def change(old: Resource | None) -> Resource:
        if old is None:
            raise NotFoundError(f"InferenceService {namespace}/{service} was deleted meanwhile")
        return with_conditions(old, reasons, state.now_text())

    with contextlib.suppress(NotFoundError):
        resources.update("InferenceService", service, namespace, change)


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Keep a second Ctrl-C from interrupting the clean-up after the first."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before: list[Callable[[int, FrameType | None], object] | int | None] = [signal.getsignal(n) for n in numbers]
    for number in numbers:
        signal.signal(number, signal.SIG_IGN)
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
