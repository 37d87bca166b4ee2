"""The first step of an import: from a storage URI to a manifest that pins every file. Run by `import-model`."""

import sys

from pydantic import Field

from steps.contract import StepOutputs, step
from steps.manifest import Manifest
from steps.manifest_pin import refuse_other_manifest
from steps.manifest_store import save_manifest
from steps.source_inputs import SourceInputs


class ResolveInputs(SourceInputs):
    """What to resolve."""

    revision: str = Field(default="", description="Branch, tag or commit; empty for the URI's own or the default.")
    manifest_digest: str = Field(default="", description="Digest that the manifest must have; empty for any.")


class ResolveOutputs(StepOutputs):
    """The manifest, and what a person wants to know of it."""

    manifest: str = Field(description="Digest of the manifest, under which it is stored.")
    revision: str = Field(description="The immutable revision that the URI names now.")
    total_bytes: int = Field(description="Bytes of all files.")
    file_count: int = Field(description="Number of files.")


@step(
    "resolve-model",
    title="Resolve the model",
    description="Pins the storage URI to an immutable revision and lists every file with size and digest.",
)
def resolve_model(inputs: ResolveInputs) -> ResolveOutputs:
    """Resolve a storage URI and store its manifest.

    Raises:
        OmeError: of the class that fits, with a remedy.
    """
    manifest = inputs.manifest_of(inputs.revision)
    refuse_other_manifest(manifest, inputs.manifest_digest)
    digest = save_manifest(manifest)
    sys.stderr.write(_summary(manifest))
    return ResolveOutputs(
        manifest=digest,
        revision=manifest.revision,
        total_bytes=manifest.total_bytes,
        file_count=len(manifest.files),
    )


def _summary(manifest: Manifest) -> str:
    lines = [f"{manifest.uri} is {manifest.revision}: {len(manifest.files)} files, {manifest.total_bytes} bytes"]
    lines += [f"left out {left.path} ({left.size} bytes): {left.reason}" for left in manifest.left_out]
    ggufs = [file.path for file in manifest.files if file.path.endswith(".gguf")]
    if len(ggufs) > 1 and not any(file.path.endswith(".safetensors") for file in manifest.files):
        lines.append(f"kept all {len(ggufs)} GGUF files; allow_patterns such as '*Q4_K_M*' choose among them")
    return "".join(f"{line}\n" for line in lines)
