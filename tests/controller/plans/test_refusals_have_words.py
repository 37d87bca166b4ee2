"""What a resource is told of a refusal of the API server: its words, a remedy, and nothing of a Secret."""

import pytest

from controller.actions import EmitEvent, Object, WriteStatus
from controller.plans.refusal import is_refusal, plan_refusal
from tests.controller.plans.cluster import START, Cluster
from tests.controller.plans.models import MODEL, imported
from tests.controller.plans.objects import condition, model_body

CREATE = "create /apis/argoproj.io/v1alpha1/namespaces/ome/workflows: "
QUOTA = f'{CREATE}403 workflows "m" is forbidden: exceeded quota: few, used: count=3, limited: count=3'
RIGHTS = f'{CREATE}403 workflows is forbidden: User "system:serviceaccount:ome:x" cannot create resource "workflows"'
POLICY = f"{CREATE}422 workflows \"m\" is forbidden: ValidatingAdmissionPolicy 'p' denied request: closed"


def told(cluster: Cluster, status: int, message: str) -> Object:
    """The resource after a refusal."""
    for action in plan_refusal(cluster.get(*MODEL), status, message, START):
        cluster.carry_out(action)
    return cluster.get(*MODEL)


@pytest.mark.parametrize(
    ("status", "message", "remedy"),
    [
        (403, QUOTA, "Raise that ResourceQuota"),
        (403, RIGHTS, "Grant this to the controller's service account: `ome install` puts its roles back"),
        (422, POLICY, "Change the policy or webhook"),
        (413, f"{CREATE}413 Request entity too large", "Mend what it says"),
    ],
)
def test_words_and_remedy_are_told_once(status: int, message: str, remedy: str) -> None:
    cluster = Cluster()
    cluster.add(model_body())
    model = told(cluster, status, message)
    ready = condition(model, "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "Refused")
    assert message in ready["message"] and remedy in ready["message"]
    (event,) = cluster.events
    assert (event.type, event.reason, event.message) == ("Warning", "Refused", ready["message"])
    again = plan_refusal(model, status, message, START)
    assert [type(action) for action in again] == [EmitEvent], "the same refusal is the same status"


def test_what_is_ready_stays_so_and_what_is_known_stays_said() -> None:
    cluster = imported("node-a")
    before = cluster.get(*MODEL)["status"]
    assert told(cluster, 403, QUOTA)["status"] == before
    assert cluster.events[-1].reason == "Refused"
    cluster.delete(*MODEL)
    (_, write) = plan_refusal(cluster.get(*MODEL), 403, QUOTA, START)
    assert isinstance(write, WriteStatus)
    assert {key: text for key, text in write.status.items() if key != "conditions"} == {
        key: text for key, text in before.items() if key != "conditions"
    }
    assert [c["type"] for c in write.status["conditions"]] == ["Resolved", "Parsed", "Cached", "Ready"]


def test_nothing_that_is_said_of_a_secret_is_repeated() -> None:
    cluster = Cluster()
    cluster.add(model_body())
    text = 'patch /api/v1/namespaces/ome/secrets/secret-m: 400 cannot be handled: found "hf_clear" there'
    assert "hf_clear" not in str(told(cluster, 400, text)["status"]) + str(cluster.events)
    assert "secrets/secret-m: 400" in condition(cluster.get(*MODEL), "Ready")["message"]


@pytest.mark.parametrize(("status", "is_definite"), [(403, True), (422, True), (0, False), (429, False), (503, False)])
def test_a_busy_or_silent_api_server_refuses_nothing(status: int, is_definite: bool) -> None:
    assert is_refusal(status) == is_definite
