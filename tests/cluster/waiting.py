"""Waits on a cluster by watching, never by asking again and again; what it waited for in vain comes with evidence.

For the tests. `wait_until` sees every state of one object; `wait_gone` its end; `evidence` is what a person would look
at first: the object, its namespace's events, and the logs of the pods that did not do well.
"""

import json
import subprocess
import threading
import time
from collections.abc import Callable, Sequence

from tests.cluster.kubectl import Kubectl, Object
from tests.cluster.objects import condition

PATIENCE = 600
"""Seconds that a wait takes at most: three times what the slowest of them needs on two busy cores."""
_LOG_LINES = 40
_EVENTS = 30
_PODS = 5
_CHATTER = "level=info"
"""In the lines that Argo's executor writes beside every step."""


class WaitedInVainError(AssertionError):
    """Something did not come about in time; the message has the evidence."""


def wait_until(
    kubectl: Kubectl,
    kind: str,
    name: str,
    is_so: Callable[[Object], object],
    *,
    namespace: str = "",
    seconds: float = PATIENCE,
    what: str = "",
) -> Object:
    """Wait until an object exists and is as wanted; return it.

    Args:
        kubectl: Whose cluster.
        kind: As kubectl names it.
        name: The object's.
        is_so: Whether it is as wanted; an exception of its ends the wait.
        namespace: The object's, "" for a cluster-scoped kind.
        seconds: How long at most.
        what: What is waited for, for the failure's message.

    Raises:
        WaitedInVainError: when time runs out, with evidence.
    """
    deadline, last = time.monotonic() + seconds, None
    scope = [f"--namespace={namespace}"] if namespace else []
    flags = (f"--field-selector=metadata.name={name}", "--watch", "--output-watch-events", "-o", "json")
    while (left := deadline - time.monotonic()) > 0:
        command = kubectl.command("get", kind, *scope, *flags)
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            timer = threading.Timer(left, process.kill)
            timer.start()
            try:
                for event, state in kubectl.watch(process):
                    last = None if event == "DELETED" else state
                    if last is not None and is_so(last):
                        return last
            except json.JSONDecodeError:
                pass  # the end of time came in the middle of a line
            finally:
                timer.cancel()
                process.kill()
        # The watch has ended by itself: the API server was restarted, or refuses. Not in a tight loop.
        threading.Event().wait(min(0.5, max(0.0, deadline - time.monotonic())))
    wanted = what or "as wanted"
    state_text = "it does not exist" if last is None else f"its status is {last.get('status')}"
    message = f"{kind} {name} was not {wanted} within {seconds:.0f} s: {state_text}"
    raise WaitedInVainError(f"{message}\n{evidence(kubectl, kind, name, namespace)}")


def wait_ready(kubectl: Kubectl, kind: str, name: str, *, namespace: str = "") -> Object:
    """Wait until a resource of ours has the condition Ready; return it.

    Raises:
        WaitedInVainError: when time runs out, with evidence.
    """
    return wait_until(
        kubectl, kind, name, lambda found: condition(found).get("status") == "True", namespace=namespace, what="ready"
    )


def wait_gone(kubectl: Kubectl, kind: str, name: str, *, namespace: str = "", seconds: float = PATIENCE) -> None:
    """Wait until an object no longer exists.

    Raises:
        WaitedInVainError: when time runs out, with evidence.
    """
    scope = [f"--namespace={namespace}"] if namespace else []
    told = kubectl.tell("wait", "--for=delete", f"{kind}/{name}", *scope, f"--timeout={seconds:.0f}s")
    if kubectl.succeeds("get", kind, name, *scope):
        message = f"{kind} {name} was not gone within {seconds:.0f} s: {told}"
        raise WaitedInVainError(f"{message}\n{evidence(kubectl, kind, name, namespace)}")


def wait_none(look: Callable[[], Sequence[object]], *, seconds: float = PATIENCE) -> None:
    """Wait until a look at several kinds of objects, which no watch has at once, finds none.

    Raises:
        WaitedInVainError: when time runs out, with what is left.
    """
    deadline = time.monotonic() + seconds
    while left := look():
        if time.monotonic() > deadline:
            raise WaitedInVainError(f"not gone within {seconds:.0f} s: {left}")
        threading.Event().wait(0.5)


def wait_workflow(kubectl: Kubectl, name: str, *, namespace: str, seconds: float = PATIENCE) -> Object:
    """Wait until Argo calls a workflow completed, whatever its phase; return it.

    Raises:
        WaitedInVainError: when time runs out, with evidence.
    """
    label = "workflows.argoproj.io/completed"
    return wait_until(
        kubectl, "workflow", name, lambda found: found["metadata"].get("labels", {}).get(label) == "true",
        namespace=namespace, seconds=seconds, what="completed",
    )  # fmt: skip


def evidence(kubectl: Kubectl, kind: str, name: str, namespace: str = "") -> str:
    """What to look at when an object is not as it should be."""
    scope = [f"--namespace={namespace}"] if namespace else []
    parts = {f"describe {kind} {name}": kubectl.tell("describe", kind, name, *scope)}
    if namespace:
        events = kubectl.tell("get", "events", *scope, "--sort-by=.lastTimestamp").splitlines()
        parts["events"] = "\n".join(events[-_EVENTS:])
        parts["pods"] = kubectl.tell("get", "pods", *scope, "-o", "wide")
        for pod in [pod for pod in kubectl.list("pods", namespace) if not _did_well(pod)][:_PODS]:
            flags = ("--all-containers", "--prefix", f"--tail={_LOG_LINES}")
            lines = kubectl.tell("logs", pod["metadata"]["name"], *scope, *flags).splitlines()
            parts[f"logs {pod['metadata']['name']}"] = "\n".join(line for line in lines if _CHATTER not in line)
    return "\n".join(f"--- {title}\n{text}" for title, text in parts.items())


def _did_well(pod: Object) -> bool:
    return pod["status"].get("phase") == "Succeeded" or any(
        c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", [])
    )
