"""What a step is told of a model's source, and asking that source. Of `resolve_model` and `check_revision`."""

from pydantic import Field

from steps.contract import StepInputs
from steps.manifest import Manifest
from steps.source_credentials import require_credentials
from steps.sources import ResolveOptions, open_source


class SourceInputs(StepInputs):
    """Which files of which source, and how to reach it."""

    uri: str = Field(
        default="", description="Storage URI, such as hf://org/name[@revision], s3://bucket/prefix or local:///path."
    )
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

    def manifest_of(self, revision: str = "") -> Manifest:
        """What the source names now.

        Args:
            revision: Branch, tag or commit; "" for the URI's own or the source's default.

        Raises:
            OmeError: of the class that fits, with a remedy.
        """
        require_credentials(self.uri, self.secret, self.secret_key)
        options = ResolveOptions(revision, self.allow_patterns, self.ignore_patterns)
        return open_source(self.uri, self.source_parameters).resolve(options)
