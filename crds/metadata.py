"""What every object has besides spec and status: its metadata, and the annotations that this API gives a meaning."""

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field

from crds.base import ApiType, Int64
from crds.kubernetes import OpenObject, OwnerReference
from crds.problems import FieldError, shown

GROUP = "ome.io"
VERSION = "v1beta1"
API_VERSION = f"{GROUP}/{VERSION}"

SKIP_CONFIG_PARSING = "ome.io/skip-config-parsing"
"""As OME's documentation names it."""
SKIP_CONFIG_PARSING_IN_CODE = "ome.oracle.com/skip-config-parsing"
"""As OME's code reads it; written by us, and both are read."""
DEPLOYMENT_MODE = "ome.io/deploymentMode"
FIT = "ome.io/fit"
REFRESH = "ome.io/refresh"
"""On a model: another value asks whether its source has moved, now."""
ACCELERATOR_CLASS = "ome.io/accelerator-class"

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_DNS_LABEL = re.compile(_LABEL)


def checked_subdomain(name: str) -> str:
    """`name` when it is a DNS-1123 subdomain, which is what Kubernetes takes as the name of an object.

    Raises:
        FieldError: names the value and the rule.
    """
    if len(name) > 253 or not _SUBDOMAIN.fullmatch(name):
        raise FieldError(
            f"{shown(name)} is not a valid name",
            accepted="lower-case letters, digits, '-' and '.', at most 253, each part starting and ending with a"
            " letter or digit",
        )
    return name


def checked_label(name: str) -> str:
    """`name` when it is a DNS-1123 label, which is what Kubernetes takes as a namespace.

    Raises:
        FieldError: names the value and the rule.
    """
    if len(name) > 63 or not _DNS_LABEL.fullmatch(name):
        raise FieldError(
            f"{shown(name)} is not a valid name",
            accepted="lower-case letters, digits and '-', at most 63, starting and ending with a letter or digit",
        )
    return name


ObjectName = Annotated[str, AfterValidator(checked_subdomain), Field(json_schema_extra={"maxLength": 253})]
Namespace = Annotated[
    str,
    AfterValidator(lambda name: checked_label(name) if name else name),
    Field(json_schema_extra={"maxLength": 63}),
]


class ObjectMeta(ApiType):
    """Metadata of an object, as Kubernetes defines it.

    Attributes:
        name: Unique among the kind's objects of one namespace; "" only with `generateName`.
        namespace: "" for cluster-scoped kinds, and where the default namespace is meant.
    """

    name: Annotated[str, AfterValidator(lambda name: checked_subdomain(name) if name else name)] = ""
    generate_name: str = ""
    namespace: Namespace = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    uid: str = ""
    resource_version: str = ""
    generation: Int64 | None = None
    creation_timestamp: str = ""
    deletion_timestamp: str = ""
    deletion_grace_period_seconds: Int64 | None = None
    finalizers: tuple[str, ...] = ()
    owner_references: tuple[OwnerReference, ...] = ()
    managed_fields: tuple[OpenObject, ...] = ()
    self_link: str = ""

    @property
    def skips_config_parsing(self) -> bool:
        """Whether the user asks that the model's files are not parsed."""
        return skips_config_parsing(self.annotations)


def skips_config_parsing(annotations: Mapping[str, str]) -> bool:
    """Whether one of the two annotation keys, OME's documented or its real one, says "true"."""
    return any(
        annotations.get(key, "").lower() == "true" for key in (SKIP_CONFIG_PARSING, SKIP_CONFIG_PARSING_IN_CODE)
    )
