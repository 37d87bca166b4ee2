"""Lives of accelerator classes: found on the one node there is, told in the status, deleted."""

from typing import ClassVar

from tests.apiserver.client import Object
from tests.controller.engine.lives import Life, has_condition


class AcceleratorLife(Life):
    """An AcceleratorClass, about which no workflow is ever run."""

    kind: ClassVar = "AcceleratorClass"
    fewest_writes: ClassVar = 1
    """Its status."""

    @property
    def spec(self) -> Object:
        """What any node may have."""
        return {"vendor": "nvidia", "discovery": {"nodeSelector": {}}, "capabilities": {"memoryGB": "80Gi"}}

    def is_settled(self, resource: Object) -> bool:
        """Whether its devices are counted."""
        return has_condition(resource, "Available")

    def play(self) -> None:
        """Nobody has anything to do."""
