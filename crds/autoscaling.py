"""KEDA's part of a service: scaling by a Prometheus query."""

import math
import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from crds.base import ApiType, Flag
from crds.problems import FieldError, shown

ScalingOperator = Literal["GreaterThan", "GreaterThanOrEqual", "LessThan", "LessThanOrEqual"]


def checked_http_url(url: str) -> str:
    """`url` when it is http or https and has a host.

    Raises:
        FieldError: names the value and the part that is wrong.
    """
    accepted = "a URL such as http://host:8080"
    if any(character.isspace() or not character.isprintable() for character in url):
        raise FieldError(f"{shown(url)} has a blank or a control character", accepted=accepted)
    try:
        parts = urlsplit(url)
        has_host = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError as error:
        raise FieldError(f"{shown(url)} is not a URL: {error}", accepted=accepted) from None
    if parts.scheme not in ("http", "https"):
        raise FieldError(f"{shown(url)} is neither http:// nor https://", accepted=accepted)
    if not has_host:
        raise FieldError(f"{shown(url)} has no host", accepted=accepted)
    return url


def is_number(text: str) -> bool:
    """Whether a text is a finite decimal number, as Kubernetes' components and Python both read it."""
    return re.fullmatch(NUMBER, text, re.ASCII) is not None and math.isfinite(float(text))


def _checked_number(text: str) -> str:
    if not is_number(text):
        raise FieldError(f"{shown(text)} is not a number", accepted='a number as text, such as "10"')
    return text


NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"
LONGEST_URL = 2048

HttpUrl = Annotated[
    str, Field(max_length=LONGEST_URL), AfterValidator(lambda url: checked_http_url(url) if url else url)
]
NumberText = Annotated[str, Field(max_length=64), AfterValidator(lambda text: _checked_number(text) if text else text)]


class AuthenticationRef(ApiType):
    """KEDA's credentials for Prometheus."""

    name: str = Field(min_length=1)
    kind: Literal["TriggerAuthentication", "ClusterTriggerAuthentication"] = "TriggerAuthentication"


class KedaConfig(ApiType):
    """How KEDA scales a component.

    Attributes:
        prom_server_address: URL of Prometheus.
        custom_prom_query: A query that gives one number.
        scaling_threshold: What the number is compared with, as text.
        auth_modes: Comma-separated: basic, tls, bearer, custom.
    """

    enable_keda: Flag | None = None
    prom_server_address: HttpUrl = ""
    custom_prom_query: str = ""
    scaling_threshold: NumberText = ""
    scaling_operator: ScalingOperator | None = None
    authentication_ref: AuthenticationRef | None = None
    auth_modes: str = ""
