"""What planners may look at: the caches, read only. `controller.store` is the one that watches fill.

Nothing here waits or asks the API server, so a plan is a function of what was observed and of the time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from controller.actions import Object


class Observed(Protocol):
    """The caches."""

    def get(self, kind: str, namespace: str, name: str) -> Object | None:
        """The object, or None when there is none; never to be changed."""

    def list(self, kind: str, namespace: str = "") -> Sequence[Object]:
        """All objects of a kind, of one namespace or ("") of all, by namespace and name."""

    def runs(self, pipeline: str, kind: str, namespace: str, name: str) -> Sequence[Object]:
        """Workflows made from the template `pipeline` for that resource, oldest first, whoever submitted them.

        A run is for a resource when its labels say so, and without such labels when its arguments do: scope, namespace
        and name of a model; service and namespace of a deployment; name and namespace of a benchmark.
        """

    def owned(self, kind: str, service_namespace: str, service: str) -> Sequence[Object]:
        """Deployments, Pods or companions with the label `ome.io/inferenceservice=<service>` in that namespace."""

    def models_in(self, folder: str, models_root: str) -> Sequence[Object]:
        """Models whose files are in that folder of nodes or below it, unless they stay in a claim."""

    def services_of(self, model: str, namespace: str = "") -> Sequence[Object]:
        """InferenceServices that name a model, of one namespace or ("") of all, by namespace and name."""

    def models_with(self, digest: str) -> Sequence[Object]:
        """Models whose status has the artifact of that digest."""

    def runs_with(self, digest: str) -> Sequence[Object]:
        """Workflows that have resolved a model to the artifact of that digest."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What an installation decides.

    Attributes:
        namespace: The system namespace, where templates are and workflows run.
        models_root: The folder on nodes that holds models.
        max_attempts: Runs for the same inputs whose failure another attempt may mend.
        retry_seconds: Wait before the second attempt; doubles with each further one.
        slow_retry_seconds: First wait before looking again at what only a person can mend on a node (a full disk).
        revision_check_seconds: How often a model's source is asked whether it has moved; 0 for never.
    """

    namespace: str = "ome"
    models_root: str = "/mnt/models"
    max_attempts: int = 5
    retry_seconds: float = 10.0
    slow_retry_seconds: float = 300.0
    revision_check_seconds: float = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Context:
    """What a planner gets beside its object."""

    observed: Observed
    settings: Settings
    now: datetime
