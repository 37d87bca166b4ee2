"""Base of the eight kinds: apiVersion, kind, metadata. `crds.kinds` lists the kinds."""

from typing import Any, ClassVar, Literal

from pydantic import model_validator

from crds.base import ApiType
from crds.metadata import ObjectMeta
from crds.problems import FieldError, Problem, shown


class Resource(ApiType):
    """An object of the `ome.io/v1beta1` API. Subclasses add `kind`, `spec` and `status`."""

    IS_NAMESPACED: ClassVar[bool]

    api_version: Literal["ome.io/v1beta1"] = "ome.io/v1beta1"
    kind: str
    metadata: ObjectMeta

    @model_validator(mode="after")
    def _has_name(self) -> "Resource":
        if not self.metadata.name and not self.metadata.generate_name:
            raise FieldError("is missing", accepted="a name, unique among its kind", field="metadata.name")
        return self

    def to_dict(self) -> dict[str, Any]:
        """As it was given, apiVersion and kind always there and first."""
        return {"apiVersion": self.api_version, "kind": self.kind} | super().to_dict()

    def notices(self) -> tuple[Problem, ...]:
        """A namespace on a cluster-scoped object has no meaning."""
        if not self.IS_NAMESPACED and self.metadata.namespace:
            namespace = shown(self.metadata.namespace)
            message = f"{namespace} is not used: a {self.kind} belongs to the whole cluster"
            return (Problem("metadata.namespace", message, kind="notice"),)
        return ()
