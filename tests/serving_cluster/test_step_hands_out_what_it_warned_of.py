"""What has no effect leaves the step as an output, for the service's status: a pod's log is read by nobody."""

import pytest

from steps.choice import Choice
from steps.deploy_service import DeployServiceInputs, deploy_service
from tests.serving_cluster.cluster import Cluster


def test_warnings_are_an_output_of_the_step(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    cluster.apply_service(rollout={"strategy": "Recreate", "autoRollback": True})
    cluster.deploy_and_roll_out()
    # Names of the cluster lead nowhere from here, so that the step takes the seconds that a new name may need.
    outputs = deploy_service(
        DeployServiceInputs(
            service="chat", namespace=cluster.namespace, model="smollm2", choice=Choice(runtime="tiny")
        )
    )
    assert outputs.reused
    (warning,) = outputs.warnings
    assert warning.startswith("spec.rollout.autoRollback: has no effect")
    assert f"warning: {warning}\n" in capsys.readouterr().err
