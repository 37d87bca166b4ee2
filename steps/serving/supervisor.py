"""`python -m steps.serving.supervisor <deployment folder>`: keeps one engine running on this machine.

Started, detached, by `deploy`; ended by SIGTERM from `deployments`. It starts the engine on a free port, asks its
probes, starts it again when it crashes, with growing pauses and not for ever, keeps its log bounded, and writes all
that to `state.json`. One thread and no polling for exits: signals wake it.
"""

import contextlib
import os
import re
import select
import signal
import sys
import time
from pathlib import Path
from subprocess import Popen

from steps.serving import probe, state
from steps.serving.engine_process import how_it_ended, start_engine
from steps.serving.health import EAGER_SECONDS, PATIENT_SECONDS, Health
from steps.serving.identity import MARK, end_processes, find_process, identify, marked_processes
from steps.serving.launch import LaunchPlan, process_environment, resolve_command, resolve_environment
from steps.serving.logs import LOG_NAME, bound_log, last_lines
from steps.serving.ports import free_port, is_free, is_listening
from steps.serving.restart import RestartPolicy, pause_before_restart, policy_from_environment
from steps.serving.state import DeploymentState, LaunchOrder

_PORT_TAKEN = re.compile(r"address already in use|EADDRINUSE", re.IGNORECASE)
_LONGEST_WAIT_SECONDS = 5.0
_LOST_PORTS_LIMIT = 5
_LEFTOVER_GRACE_SECONDS = 1.0


class Supervisor:
    """Runs one deployment until it is stopped, abandoned, or given up."""

    def __init__(self, folder: Path, order: LaunchOrder, policy: RestartPolicy) -> None:
        self._folder, self._order, self._policy = folder, order, policy
        self._is_stopping = False
        self._port = 0
        self._lost_ports = 0
        self._crashes: list[float] = []
        self._wakes, wake = os.pipe()
        os.set_blocking(wake, False)
        os.set_blocking(self._wakes, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._stop)
        self._state = DeploymentState(
            phase="Starting", digest=order.plan.digest, supervisor=identify(os.getpid()), since=state.now_text()
        )

    @property
    def _plan(self) -> LaunchPlan:
        return self._order.plan

    def run(self) -> None:
        """Keep the engine running; returns when there is nothing left to keep, with no process left."""
        self._report(phase="Starting", message="starting")
        while not self._is_over():
            failure, pause = self._run_once()
            if self._is_over():
                break
            if pause is None:
                lines = last_lines(self._folder / LOG_NAME)
                self._report(phase="Failed", engine=None, message=failure, last_lines=lines)
                return
            if pause > 0:
                self._report(
                    phase="CrashLoopBackOff",
                    engine=None,
                    message=f"{failure}; starting again in {pause:g} s",
                    last_lines=last_lines(self._folder / LOG_NAME),
                )
                self._pause(pause)
            if not self._is_over():
                self._report(phase="Starting", message="starting again", restarts=self._state.restarts + 1)
        if (self._folder / state.LAUNCH).exists():
            reason = (
                "stopped" if self._is_stopping else "stopped: the deploy that asked for it ended before it answered"
            )
            self._report(phase="Stopped", engine=None, message=reason)

    def _run_once(self) -> tuple[str, float | None]:
        """One life of the engine: why it ended, and seconds until the next (None: there is none)."""
        if self._plan.fixed_port and not is_free(self._plan.fixed_port):
            return f"port {self._plan.fixed_port}, which the runtime insists on, is taken by another program", None
        self._port = self._plan.fixed_port or free_port(self._port)
        own = resolve_environment(self._plan, self._port)
        environment = process_environment(self._plan, own, os.environ) | {MARK: str(self._folder)}
        command = resolve_command(self._plan, own)
        log_start = (self._folder / LOG_NAME).stat().st_size if (self._folder / LOG_NAME).exists() else 0
        try:
            engine = start_engine(command, environment, self._folder)
        except (OSError, ValueError) as error:
            return f"cannot start {command[0]}: {error}", None
        try:
            self._report(engine=identify(engine.pid), url=f"http://{probe.HOST}:{self._port}", message="loading")
            is_dead = self._watch(engine)
        finally:
            self._end(engine)
        if self._is_over():
            return "", 0.0
        return self._after_end(engine, log_start, is_dead=is_dead)

    def _after_end(self, engine: "Popen[bytes]", log_start: int, *, is_dead: bool) -> tuple[str, float | None]:
        how = "did not answer its liveness probe" if is_dead else how_it_ended(engine.returncode)
        said = "\n".join(last_lines(self._folder / LOG_NAME)) if self._has_printed_since(log_start) else ""
        if not self._plan.fixed_port and _PORT_TAKEN.search(said) and self._lost_ports < _LOST_PORTS_LIMIT:
            self._lost_ports += 1
            self._port = 0
            return "another program took the port first", 0.0
        self._crashes.append(time.monotonic())
        pause = pause_before_restart(self._crashes, self._policy)
        times = "once" if len(self._crashes) == 1 else f"{len(self._crashes)} times"
        return f"the engine {how} (crashed {times})", pause

    def _watch(self, engine: "Popen[bytes]") -> bool:
        """Until the engine ends, is dead or we are to stop; whether it is dead."""
        health = Health(self._plan, lambda asked: self._ask(asked, engine), started_at=time.monotonic())
        while engine.poll() is None and not self._is_over():
            condition = health.check(time.monotonic())
            if engine.poll() is not None:
                break  # what answered was not the engine
            if condition == "dead":
                return True
            if condition == "ready":
                self._report(phase="Ready", message="", last_lines=())
            else:
                message = f"{'not ready' if condition == 'unready' else 'loading'}: {health.problem}"
                self._report(phase="Starting", message=message)
            bound_log(self._folder)
            self._wait(health.next_check() - time.monotonic())
        return False

    def _ask(self, asked: probe.Probe, engine: "Popen[bytes]") -> str:
        problem = probe.ask(asked, self._port)
        if not problem and self._state.phase != "Ready" and not is_listening(engine.pid, self._port):
            return f"port {self._port} is held by another program"
        return problem

    def _end(self, engine: "Popen[bytes]") -> None:
        """End what is left of the engine: all of it, its descendants and what they detached."""
        left = marked_processes(self._folder)
        with contextlib.suppress(ProcessLookupError):
            if engine.poll() is None and (process := find_process(self._state.engine)) is not None:
                left.append(process)
        is_running = engine.returncode is None
        end_processes(left, self._plan.grace_seconds if is_running else _LEFTOVER_GRACE_SECONDS)
        engine.wait()

    def _is_over(self) -> bool:
        if self._is_stopping or not (self._folder / state.LAUNCH).exists():
            return True
        is_accepted = (self._folder / state.ACCEPTED).exists()
        return not is_accepted and self._order.asked_by is not None and find_process(self._order.asked_by) is None

    def _pause(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not self._is_over() and (left := end - time.monotonic()) > 0:
            self._wait(left)

    def _wait(self, seconds: float) -> None:
        """Wait until a signal comes, at most so long."""
        longest = _LONGEST_WAIT_SECONDS if (self._folder / state.ACCEPTED).exists() else PATIENT_SECONDS
        ready, _, _ = select.select([self._wakes], [], [], min(max(seconds, EAGER_SECONDS / 10), longest))
        if ready:
            os.read(self._wakes, 1024)

    def _has_printed_since(self, size: int) -> bool:
        try:
            return (self._folder / LOG_NAME).stat().st_size != size
        except OSError:
            return False

    def _report(self, **changes: object) -> None:
        new = self._state.model_copy(update=changes)
        if new.phase != self._state.phase:
            new = new.model_copy(update={"since": state.now_text()})
        if new != self._state or not (self._folder / state.STATE).exists():
            self._state = new
            with contextlib.suppress(OSError):  # a full disk must not end a service that answers
                state.write_state(self._folder, new)

    def _stop(self, *_: object) -> None:
        self._is_stopping = True


def main(arguments: list[str]) -> int:
    """Supervise the deployment in the folder given; returns when it is over."""
    folder = Path(arguments[0])
    order = state.read_order(folder)
    if order is None:
        sys.stderr.write(f"no launch plan in {folder}\n")
        return 1
    Supervisor(folder, order, policy_from_environment()).run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
