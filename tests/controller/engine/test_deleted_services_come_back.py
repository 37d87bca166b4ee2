"""A Service, autoscaler or disruption budget that somebody deletes is seen by a watch of metadata, and comes back."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from controller.plans.runs import timestamp
from controller.resources import RESOURCES
from crds import labels
from steps.serving.cluster.companions import COMPANIONS, companions_note
from tests.apiserver.client import Object
from tests.apiserver.fixture import ApiServer
from tests.controller.engine.leading import bury, controller_of
from tests.controller.engine.lives import TENANT
from tests.controller.engine.service_lives import ServiceLife
from tests.controller.engine.waiting import until

_ENDED_SECONDS_AGO: Final = 57
"""Of the minute after a run in which what it made may only be seen late, three seconds are left."""
_SPECS: Final[dict[str, Object]] = {
    "Service": {"ports": [{"port": 8080}]},
    "HorizontalPodAutoscaler": {
        "maxReplicas": 2,
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "it"},
    },
    "PodDisruptionBudget": {"maxUnavailable": 1},
}


class CompaniedLife(ServiceLife):
    """A service whose Deployment notes what it was made with, by runs that ended a while ago."""

    @property
    def companions(self) -> list[Object]:
        """What comes with its Deployment."""
        marks = {labels.INFERENCE_SERVICE: self.name}
        owner = {"apiVersion": "ome.io/v1beta1", "kind": self.kind, "name": self.name, "uid": self.uid}
        metadata = {"name": self.name, "namespace": TENANT, "labels": marks, "ownerReferences": [owner]}
        return [
            {"apiVersion": RESOURCES[kind].api_version, "kind": kind, "metadata": metadata, "spec": spec}
            for kind, spec in _SPECS.items()
        ]

    @property
    def notes(self) -> dict[str, str]:
        """As they are rendered."""
        return {COMPANIONS: companions_note(self.companions)}

    def belongings(self) -> list[Object]:
        """These too."""
        return [*super().belongings(), *(item for item in self.companions if self.is_there(item))]

    def _deploy(self) -> None:
        for item in self.companions:
            if not self.is_there(item):
                self.server.admin.create(item)
        super()._deploy()

    def _deployed(self, run: Object) -> Object:
        ended = datetime.now(UTC) - timedelta(seconds=_ENDED_SECONDS_AGO)
        return {**super()._deployed(run), "finishedAt": timestamp(ended)}


@pytest.mark.parametrize("kind", _SPECS)
def test_what_is_deleted_comes_back(released_server: ApiServer, tmp_path: Path, name: str, kind: str) -> None:
    life = CompaniedLife(released_server, name)
    with controller_of(released_server.kubeconfig, tmp_path):
        life.begin()
        until(life.has_settled, "the service answers")
        assert len(life.runs()) == 1
        item = next(each for each in life.companions if each["kind"] == kind)
        released_server.admin.delete(item)

        def is_back() -> bool:
            life.play()
            return life.is_there(item)

        until(is_back, f"{kind} is back")
        until(life.has_settled, "the service answers again")
        assert len(life.runs()) == 2
        bury(life)
