"""The step that asks a source what it names now, and keeps nothing of it. Run by `check-revision`.

The controller compares the answer with the revision that a model has, and decides by its `revisionPolicy`.
"""

import sys

from pydantic import Field

from steps.contract import StepOutputs, step
from steps.source_inputs import SourceInputs


class CheckInputs(SourceInputs):
    """What to look at."""


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
    manifest = inputs.manifest_of()
    sys.stderr.write(f"{manifest.uri} is {manifest.revision}, manifest {manifest.digest}\n")
    return CheckOutputs(revision=manifest.revision, manifest=manifest.digest)
