"""FineTunedWeight: weights trained on top of a base model, merged or as an adapter."""

from typing import Any, ClassVar, Literal, Self

from pydantic import field_validator, model_validator

from crds.base import ApiType
from crds.kubernetes import FreeObject
from crds.model import ModelExtension, ModelStatus, object_or_json_text
from crds.resource import Resource
from crds.storage import StorageSpec


class ObjectReference(ApiType):
    """Another object, by name.

    Attributes:
        namespace: "" for a cluster-scoped one.
    """

    name: str
    namespace: str = ""


class FineTunedWeightSpec(ModelExtension):
    """Weights on top of a base model.

    Attributes:
        model_type: LoRA, Adapter, Distillation, Tfew.
        hyper_parameters: Free; `strategy` (lora, tfew) is read. JSON text is read too.
        configuration: Free; `merged_weights` is read. JSON text is read too.
        training_job_ref: What made it.
    """

    base_model_ref: ObjectReference
    model_type: str
    hyper_parameters: FreeObject
    configuration: FreeObject | None = None
    storage: StorageSpec
    training_job_ref: ObjectReference | None = None

    @field_validator("hyper_parameters", "configuration", mode="before")
    @classmethod
    def _read_json_text(cls, value: Any) -> Any:
        return object_or_json_text(value)

    @model_validator(mode="after")
    def _has_uri(self) -> Self:
        self.storage.require_uri("storage")
        return self

    @property
    def strategy(self) -> str:
        """`hyperParameters.strategy` in lower case; "" when it has none."""
        strategy = self.hyper_parameters.get("strategy")
        return strategy.lower() if isinstance(strategy, str) else ""


class FineTunedWeight(Resource):
    """Weights of the whole cluster, trained on top of a base model."""

    IS_NAMESPACED: ClassVar[bool] = False

    kind: Literal["FineTunedWeight"] = "FineTunedWeight"
    spec: FineTunedWeightSpec
    status: ModelStatus = ModelStatus()
