"""The step parse-model: facts from a manifest, by ranged reads of configurations and tensor headers only."""

from pydantic import Field

from steps.contract import StepInputs, StepOutputs, step
from steps.facts import Facts
from steps.manifest_store import load_manifest, save_facts
from steps.source_credentials import require_credentials


class ParseInputs(StepInputs):
    """What parse-model takes."""

    manifest: str = Field(default="", description="Digest of the manifest that resolve-model stored.")
    secret: str = Field(default="", description="Secret with the token or the keys of the source, if it needs any.")
    secret_key: str = Field(default="token", description="The key of the token in that Secret.")


class ParseOutputs(StepOutputs):
    """What parse-model gives."""

    facts: Facts = Field(description="What is known about the model; also stored beside its manifest.")


@step(
    "parse-model",
    title="Parse the model",
    description="Counts parameters and reads sizes, context and capabilities from headers, without the weights.",
)
def parse_model(inputs: ParseInputs) -> ParseOutputs:
    """Parse the manifest's model and store the facts beside it.

    Raises:
        OmeError: of the class that fits; the message names the file.
    """
    from steps.parse.model_facts import parse_facts
    from steps.sources.registry import open_source

    manifest = load_manifest(inputs.manifest)
    require_credentials(manifest.uri, inputs.secret, inputs.secret_key)
    facts = parse_facts(manifest, open_source(manifest.uri, manifest.parameters))
    save_facts(inputs.manifest, facts)
    return ParseOutputs(facts=facts)
