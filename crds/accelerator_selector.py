"""What a service asks of an accelerator: a class by name, or constraints and a policy to choose by."""

from typing import Literal

from pydantic import Field, model_validator

from crds.base import ApiType, Count
from crds.problems import FieldError

AcceleratorPolicy = Literal["BestFit", "Cheapest", "MostCapable", "FirstAvailable"]


class AcceleratorConstraints(ApiType):
    """What a candidate class must have.

    Attributes:
        min_memory: GiB of one device.
        max_memory: GiB of one device.
        min_compute_performance_tflops: Of the preferred precision.
        min_architecture_version: Compute capability, compared as a version: "9.0".
        required_features: All of them, in any case.
        excluded_classes: AcceleratorClass names.
        architecture_families: `family`, or `vendor-family`.
        preferred_precisions: Best first: fp8, fp16, bf16 …
    """

    min_memory: Count | None = None
    max_memory: Count | None = None
    min_compute_performance_tflops: Count | None = Field(default=None, alias="minComputePerformanceTFLOPS")
    min_architecture_version: str = ""
    required_features: tuple[str, ...] = ()
    excluded_classes: tuple[str, ...] = ()
    architecture_families: tuple[str, ...] = ()
    preferred_precisions: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _range_is_ordered(self) -> "AcceleratorConstraints":
        if self.min_memory is not None and self.max_memory is not None and self.min_memory > self.max_memory:
            raise FieldError(
                f"minMemory {self.min_memory} is more than maxMemory {self.max_memory}",
                accepted="minMemory up to maxMemory; either may be absent",
                field="minMemory",
            )
        return self


class AcceleratorSelector(ApiType):
    """Which accelerator a service, or one of its components, runs on.

    Attributes:
        accelerator_class: Name of an AcceleratorClass; "" leaves it to the policy.
        policy: None chooses nothing, as OME.
    """

    accelerator_class: str = ""
    constraints: AcceleratorConstraints | None = None
    policy: AcceleratorPolicy | None = None
