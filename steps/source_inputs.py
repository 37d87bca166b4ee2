"""What a step is told of a model's source, and asking that source. Of `resolve_model` and `check_revision`."""

from pydantic import Field

from steps.cluster.pod import is_on_cluster
from steps.contract import StepInputs
from steps.errors import UnsupportedError
from steps.manifest import Manifest
from steps.source_credentials import require_credentials
from steps.sources import ResolveOptions, open_source


class SourceInputs(StepInputs):
    """Which files of which source, and how to reach it."""

    uri: str = Field(
        default="",
        description="Storage URI, such as hf://org/name[@revision] or s3://bucket/prefix; local:///path only on one "
        "machine.",
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
        if self.uri.startswith("local://") and is_on_cluster():  # here it would be a folder of the step's image
            raise UnsupportedError(
                f'uri: "{self.uri}" is a folder of one machine, and a step on a cluster sees no folder of a node',
                remedy="Put the files into a PersistentVolumeClaim and apply a model with "
                "pvc://[namespace:]claim/path; or import them from a bucket. On one machine, `ome import` takes "
                "local:///path.",
            )
        require_credentials(self.uri, self.secret, self.secret_key)
        options = ResolveOptions(revision, self.allow_patterns, self.ignore_patterns)
        return open_source(self.uri, self.source_parameters).resolve(options)
