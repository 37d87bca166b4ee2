"""A service as it is: what it asks for, its components, and its runs. `controller.plans.service_status` tells it."""

from dataclasses import dataclass

from controller.plans.attempts import Prospect
from controller.plans.conditions import Said
from controller.plans.runs import Run
from controller.plans.service_components import Component
from controller.plans.service_inputs import Asked


@dataclass(frozen=True)
class ServiceState:
    """All that a service's status says.

    Attributes:
        asked: What it asks for.
        components: Router, decoder, engine.
        active: The run that goes on for it.
        done: The newest run that deployed just this.
        runs: Those for what it asks, oldest first.
        prospect: What follows failures.
        lost: Name of the run that the status waits for and that is not there any more.
        mistake: In what it asks; nothing is deployed anew with one.
    """

    asked: Asked
    components: tuple[Component, ...]
    active: Run | None
    done: Run | None
    runs: tuple[Run, ...]
    prospect: Prospect
    lost: str = ""
    mistake: Said | None = None

    @property
    def engine(self) -> Component:
        """The component that every service has."""
        return self.components[-1]

    @property
    def last(self) -> Run | None:
        """The newest run for what it asks."""
        return self.runs[-1] if self.runs else None

    @property
    def missing(self) -> tuple[str, ...]:
        """`<kind>/<name>` of what was deployed beside Deployments, and is gone; none before just this is deployed."""
        return tuple(one for part in self.components for one in part.missing) if self.is_deployed else ()

    @property
    def is_deployed(self) -> bool:
        """Whether just this is deployed, as a run says or the status remembers, and no run failed at it since."""
        has_failed = self.last is not None and self.last.phase == "Failed"
        return self.done is not None or (self.asked.is_deployed and not has_failed)
