"""Base of every API type: immutable, OME's JSON names, and no field is ever dropped.

A field that no type knows stays in the object (it is written out again) and is reported by `crds.load` with a
suggestion. Types here are declared with snake_case names; JSON names are their camelCase unless an alias says so.
"""

from typing import Annotated, Any, Self

import pydantic
from pydantic import ConfigDict, Field, ModelWrapValidatorHandler, Strict, model_validator
from pydantic.alias_generators import to_camel
from pydantic.config import JsonDict

from crds.problems import Problem


class ApiType(pydantic.BaseModel):
    """An object, or a part of one, as the API server stores it. Build it in Python with snake_case names."""

    model_config = ConfigDict(
        frozen=True, extra="allow", alias_generator=to_camel, validate_by_name=True, validate_by_alias=True
    )

    @model_validator(mode="wrap")
    @classmethod
    def _read(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """`field: null` means absent, as for the API server; `storage_uri` in YAML is not `storageUri`."""
        if not isinstance(data, dict):
            return handler(data)
        data = {key: value for key, value in data.items() if value is not None}
        read = handler(data)
        for name in (read.model_extra or {}).keys() & cls.model_fields.keys():
            if cls.model_fields[name].alias not in data:  # pydantic counts the field of that name as given
                read.model_fields_set.discard(name)
        return read

    @classmethod
    def json_names(cls) -> tuple[str, ...]:
        """The JSON names of the fields that this type knows."""
        return tuple(field.alias or name for name, field in cls.model_fields.items())

    def notices(self) -> tuple[Problem, ...]:
        """What is accepted but probably not meant; paths are below this object."""
        return ()

    def to_dict(self) -> dict[str, Any]:
        """As it was given: JSON names, no defaults filled in, unknown fields kept."""
        return self.model_dump(by_alias=True, exclude_unset=True, mode="json")

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """From JSON names only; use `crds.load` where a user should read what is wrong."""
        return cls.model_validate(data, by_alias=True, by_name=False)


Flag = Annotated[bool, Strict()]
"""true or false, not a word that looks like it."""

Int32 = Annotated[int, Strict(), Field(ge=-(2**31), le=2**31 - 1, json_schema_extra={"format": "int32"})]
Int64 = Annotated[int, Strict(), Field(ge=-(2**63), le=2**63 - 1, json_schema_extra={"format": "int64"})]
Count = Annotated[int, Strict(), Field(ge=0, le=2**31 - 1, json_schema_extra={"format": "int32"})]
"""How many: never negative."""
Positive = Annotated[int, Strict(), Field(ge=1, le=2**31 - 1, json_schema_extra={"format": "int32"})]
Percentage = Annotated[int, Strict(), Field(ge=0, le=100, json_schema_extra={"format": "int32"})]

UNIQUE: JsonDict = {"x-kubernetes-list-type": "set"}
"""Marks, as `json_schema_extra`, a list in which each value may be only once."""
