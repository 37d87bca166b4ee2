"""What counts as a regression: for benchmark jobs, and for the gates of a rollout."""

from typing import Annotated

from pydantic import Field

from crds.base import ApiType

Percent = Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False, strict=True)]
"""By how many percent a metric may get worse."""


class Thresholds(ApiType):
    """By how many percent each metric may get worse than the baseline; None uses the default.

    Attributes:
        ttft: Time to first token.
        tpot: Time per output token.
        end_to_end: Latency of a whole request.
        output_tokens_per_second: How far throughput may fall.
        requests_per_second: How far it may fall.
        max_error_rate: Share of failed requests, 0 to 1, over which a run is Failed; None is 0.01.
    """

    ttft: Percent | None = None
    tpot: Percent | None = None
    end_to_end: Percent | None = None
    output_tokens_per_second: Percent | None = None
    requests_per_second: Percent | None = None
    max_error_rate: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False, strict=True)] | None = None
