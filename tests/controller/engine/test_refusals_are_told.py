"""What the API server refuses is told on the resource, once, and is over when the cause is mended."""

import asyncio
import itertools
from collections.abc import Sequence
from pathlib import Path

from controller.actions import CreateObject, Key, Plan
from controller.api import connect
from controller.events import EventRecorder
from controller.execute import Executor
from controller.metrics import Metrics
from controller.observed import Context, Settings
from controller.queue import KeyedQueue
from controller.reconcile import Reconciler
from controller.resources import watched
from controller.store import Change, Store
from tests.apiserver.client import ApiRefusedError, Object
from tests.apiserver.fixture import ApiServer
from tests.controller.engine.leading import bury, controller_of
from tests.controller.engine.model_lives import ModelLife
from tests.controller.engine.process import ControllerProcess
from tests.controller.engine.trivial import model, workflow
from tests.controller.engine.waiting import until

ADMISSION = "admissionregistration.k8s.io/v1"
REFUSALS = 4
WORDS = "imports are closed this week"


def policy_against(name: str) -> Sequence[Object]:
    """A policy that denies workflows of that name, and its binding."""
    rule = {"apiGroups": ["argoproj.io"], "apiVersions": ["*"], "operations": ["CREATE"], "resources": ["workflows"]}
    policy = {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": [rule]},
        "validations": [{"expression": f"!object.metadata.name.contains('{name}')", "message": WORDS}],
    }
    binding = {"policyName": name, "validationActions": ["Deny"]}
    return [
        {"apiVersion": ADMISSION, "kind": kind, "metadata": {"name": name}, "spec": spec}
        for kind, spec in (("ValidatingAdmissionPolicy", policy), ("ValidatingAdmissionPolicyBinding", binding))
    ]


def denies(server: ApiServer, name: str) -> bool:
    """Whether the API server has heard of the policy."""
    metadata = {"name": f"probe-{name}", "namespace": "ome"}
    probe = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": metadata}
    path = f"{server.admin.path_of(probe).rpartition('/')[0]}?dryRun=All"
    try:
        server.admin.request("POST", path, probe)
    except ApiRefusedError as refusal:
        return WORDS in refusal.message
    return False


def refusals(controller: ControllerProcess, life: ModelLife) -> int:
    key = f"{life.kind}/{life.name}"
    return sum(WORDS in line["message"] and line.get("key") == key for line in controller.lines())


def test_a_denied_run_is_told_in_condition_and_event_and_comes_when_the_policy_goes(
    released_server: ApiServer, tmp_path: Path, name: str
) -> None:
    admin, life = released_server.admin, ModelLife(released_server, f"{name}-denied")
    policy = policy_against(life.name)
    for each in policy:
        admin.create(each)
    until(lambda: denies(released_server, life.name), "the policy is in force")
    with controller_of(released_server.kubeconfig, tmp_path) as controller:
        life.begin()
        until(lambda: admin.get(life.body).get("status"), "a status")
        told = admin.get(life.body)
        (ready,) = told["status"]["conditions"]
        assert (ready["type"], ready["status"], ready["reason"]) == ("Ready", "False", "Refused")
        assert WORDS in ready["message"] and "Change the policy" in ready["message"]
        until(lambda: refusals(controller, life) >= REFUSALS, "more refusals")
        assert admin.get(life.body)["metadata"]["resourceVersion"] == told["metadata"]["resourceVersion"]

        def events() -> list[Object]:
            found = admin.request("GET", "/api/v1/namespaces/default/events")["items"]
            return [one for one in found if one["involvedObject"]["name"] == life.name and one["reason"] == "Refused"]

        (event,) = until(events, "an event")
        assert event["type"] == "Warning" and WORDS in event["message"]
        for each in policy:
            admin.delete(each)
        until(life.has_settled, "imported when nothing denies it")
        bury(life)


def test_what_is_told_of_a_refusal_is_no_reason_to_try_again_sooner(engine_server: ApiServer, name: str) -> None:
    numbers = itertools.count(1)
    planned: list[int] = []
    changes: asyncio.Queue[Change] = asyncio.Queue()

    def plan(resource: Object, context: Context) -> Plan:
        planned.append(next(numbers))
        return Plan((CreateObject(workflow(f"nowhere-{planned[-1]}", resource["metadata"]["name"])),))

    async def run() -> None:
        metrics, store, queue = Metrics(), Store(watched("ome")), KeyedQueue(first_delay_seconds=600.0)

        def changed(change: Change) -> None:
            queue.add(change.key)
            changes.put_nowait(change)

        api = await connect(engine_server.kubeconfig, metrics)
        events = EventRecorder(api, "tests", metrics)
        executor = Executor(api, store, changed, events, lambda: True, metrics)
        reconciler = Reconciler(store, queue, executor, {"ClusterBaseModel": plan}, Settings(), metrics)
        store.observe(engine_server.admin.apply(model(name)))
        working = asyncio.ensure_future(reconciler.work())
        try:
            queue.add(Key("ClusterBaseModel", "", name))
            told = (await asyncio.wait_for(changes.get(), 60)).new
            assert told is not None and "nowhere-1" in told["status"]["conditions"][0]["message"]
            assert (planned, queue.delayed) == ([1], 1)
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
            queue.close()
            await api.close()

    asyncio.run(run())
