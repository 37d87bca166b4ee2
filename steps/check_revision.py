"""The step that asks a source what it names now, and keeps nothing of it. Run by `check-revision`.

The controller compares the answer with the revision that a model has, and decides by its `revisionPolicy`.
"""

import sys

from pydantic import Field

from steps.contract import StepInputs, StepOutputs, step
from steps.source_credentials import require_credentials
from steps.sources import ResolveOptions, open_source


class CheckInputs(StepInputs):
    """What to look at."""

    uri: str = Field(default="", description="Storage URI, such as hf://org/name[@revision] or s3://bucket/prefix.")
    allow_patterns: tuple[str, ...] = Field(
        default=(), description="Keep only files that match one of these shell patterns."
    )
    ignore_patterns: tuple[str, ...] = Field(
        default=(), description="Leave out files that match one of these shell patterns."
    )
    source_parameters: dict[str, str] = Field(
        default={}, description="How to reach the source, as a JSON object: endpoint, region, auth."
    )
    secret: str = Field(default="", description="Secret with the token or the keys of the source, if it needs any.")
    secret_key: str = Field(default="token", description="The key of the token in that Secret.")


class CheckOutputs(StepOutputs):
    """What the URI names now."""

    revision: str = Field(description="The immutable revision that the URI names now.")
    manifest: str = Field(description="Digest of its manifest, which is not stored.")


@step(
    "check-revision",
    title="Check the revision",
    description="Asks the source which revision the URI names now, and keeps nothing.",
)
def check_revision(inputs: CheckInputs) -> CheckOutputs:
    """Resolve a storage URI, and say only what it is.

    Raises:
        OmeError: of the class that fits, with a remedy.
    """
    require_credentials(inputs.uri, inputs.secret, inputs.secret_key)
    options = ResolveOptions("", inputs.allow_patterns, inputs.ignore_patterns)
    manifest = open_source(inputs.uri, inputs.source_parameters).resolve(options)
    sys.stderr.write(f"{manifest.uri} is {manifest.revision}, manifest {manifest.digest}\n")
    return CheckOutputs(revision=manifest.revision, manifest=manifest.digest)
