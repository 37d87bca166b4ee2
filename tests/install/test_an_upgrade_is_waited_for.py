"""An installation is reported when every pod is of the new template, and not while the old ones still answer."""

from typing import Any

import pytest

from pipelines.install.apply import is_rolled_out

AVAILABLE = [{"type": "Available", "status": "True"}]
DONE = {"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1, "conditions": AVAILABLE}


def _deployment(status: dict[str, Any], replicas: int = 1) -> dict[str, Any]:
    return {"metadata": {"generation": 2}, "spec": {"replicas": replicas}, "status": status}


@pytest.mark.parametrize(
    "status",
    [
        pytest.param({**DONE, "replicas": 2}, id="a new pod without its image beside the old one"),
        pytest.param({**DONE, "observedGeneration": 1}, id="nobody has seen the new template"),
        pytest.param({**DONE, "updatedReplicas": 0}, id="no new pod"),
        pytest.param({**DONE, "availableReplicas": 0}, id="the new pod is not available"),
        pytest.param({}, id="nothing has happened"),
    ],
)
def test_it_is_waited_for_while(status: dict[str, Any]) -> None:
    assert not is_rolled_out(_deployment(status))


def test_it_is_done_when_all_pods_are_new_and_available() -> None:
    assert is_rolled_out(_deployment(DONE))
    assert not is_rolled_out(_deployment(DONE, replicas=2))
    assert is_rolled_out(_deployment({"observedGeneration": 2}, replicas=0))
