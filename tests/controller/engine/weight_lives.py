"""Lives of fine-tuned weights: told in the status that nothing comes of them, deleted."""

from typing import ClassVar

from tests.apiserver.client import Object
from tests.controller.engine.lives import Life, has_condition


class WeightLife(Life):
    """A FineTunedWeight, about which no workflow is ever run."""

    kind: ClassVar = "FineTunedWeight"
    fewest_writes: ClassVar = 1
    """Its status."""

    @property
    def spec(self) -> Object:
        """An adapter."""
        return {
            "baseModelRef": {"name": "smollm2"},
            "modelType": "LoRA",
            "hyperParameters": {"strategy": "lora"},
            "storage": {"storageUri": f"hf://acme/{self.name}"},
        }

    def is_settled(self, resource: Object) -> bool:
        """Whether it is told."""
        return has_condition(resource, "Ready", "False")

    def play(self) -> None:
        """Nobody has anything to do."""
