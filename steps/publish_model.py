"""The step publish-model: writes what was resolved, parsed and cached into the model's resource.

On one machine `steps.publication` says what to write; this only loads, writes under the resource's lock, and tells the
time. On a cluster the resource only comes to ask for what the run was asked (`steps.cluster.publishing`), and the
controller writes the rest.
"""

import platform
from datetime import UTC, datetime

from pydantic import Field

from crds.pickle_policy import UnsafePickles
from crds.signature_policy import DEFAULT_SIGNATURE
from steps.cluster.pod import is_on_cluster, models_root_on_nodes
from steps.contract import StepInputs, StepOutputs, step
from steps.facts import Facts
from steps.manifest_store import load_facts, load_manifest
from steps.model_owner import model_owner
from steps.publication import Publication, Scope, publish
from steps.published_model import stored_facts
from steps.resources import Resource, ResourceFolder


class PublishInputs(StepInputs):
    """What publish-model takes."""

    name: str = Field(default="", description="Name of the model's resource.")
    scope: Scope = Field(default="ClusterBaseModel", description="Kind of the resource.")
    namespace: str = Field(default="default", description="Namespace of a BaseModel.")
    uri: str = Field(default="", description="Storage URI that the model came from.")
    manifest: str = Field(default="", description="Digest of its manifest.")
    facts: Facts | None = Field(default=None, description="What parse-model found; by default what it stored.")
    path: str = Field(default="", description="Folder that holds the model's files.")
    revision: str = Field(default="", description="Branch, tag or commit that was asked for.")
    allow_patterns: tuple[str, ...] = Field(default=(), description="Patterns of files that were asked for.")
    ignore_patterns: tuple[str, ...] = Field(default=(), description="Patterns of files that were not wanted.")
    source_parameters: dict[str, str] = Field(
        default={}, description="How the source was to be reached, as a JSON object."
    )
    secret: str = Field(default="", description="Secret with the token or the keys of the source, if it needs any.")
    secret_key: str = Field(default="token", description="The key of the token in that Secret.")
    unsafe_pickles: UnsafePickles = Field(default="refuse", description="What was said of pickles that run code.")
    signed_by: str = Field(default="", description="Who had to sign it: a public key or certificates in PEM.")
    signature: str = Field(default=DEFAULT_SIGNATURE, description="The file of the model that its signature is in.")
    manifest_digest: str = Field(default="", description="Digest that the manifest had to have; empty for any.")
    nodes: tuple[str, ...] = Field(default=(), description="Nodes that were asked for; an empty name means any.")


class PublishOutputs(StepOutputs):
    """What publish-model gives."""

    model: str = Field(description="Name of the resource that was written.")


@step(
    "publish-model",
    title="Publish the model",
    description="Writes facts, artifact and readiness into the model's resource.",
)
def publish_model(inputs: PublishInputs) -> PublishOutputs:
    """Write the model's resource.

    Raises:
        NotFoundError: when the manifest or its facts are not stored here.
        InvalidInputError: for an impossible name.
        OmeError: of the class that fits, when the API server does not take the resource.
    """
    if is_on_cluster():
        _publish_on_cluster(inputs)
    else:
        _publish_here(inputs)
    return PublishOutputs(model=inputs.name)


def _publish_on_cluster(inputs: PublishInputs) -> None:
    from steps.cluster.publishing import publish_request
    from steps.requested_model import ModelRequest

    request = ModelRequest(
        uri=inputs.uri or load_manifest(inputs.manifest).uri,
        revision=inputs.revision,
        allow_patterns=inputs.allow_patterns,
        ignore_patterns=inputs.ignore_patterns,
        path=inputs.path,
        models_root=models_root_on_nodes(),
        source_parameters=inputs.source_parameters,
        secret=inputs.secret,
        secret_key=inputs.secret_key,
        unsafe_pickles=inputs.unsafe_pickles,
        signed_by=inputs.signed_by,
        signature=inputs.signature,
        manifest_digest=inputs.manifest_digest,
        nodes=inputs.nodes,
    )
    publish_request(model_owner(inputs.scope, inputs.namespace, inputs.name), request)


def _publish_here(inputs: PublishInputs) -> None:
    manifest = load_manifest(inputs.manifest)
    facts = inputs.facts if inputs.facts is not None else load_facts(inputs.manifest)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def change(old: Resource | None) -> Resource:
        publication = Publication(
            kind=inputs.scope,
            name=inputs.name,
            namespace=inputs.namespace,
            uri=inputs.uri or manifest.uri,
            manifest=manifest,
            facts=facts,
            path=inputs.path,
            node=platform.node() or "localhost",
            unsafe_pickles=inputs.unsafe_pickles,
            signed_by=inputs.signed_by,
            signature=inputs.signature,
            manifest_digest=inputs.manifest_digest,
            previous=stored_facts(old) if old is not None else None,
        )
        return publish(old, publication, now)

    ResourceFolder().update(inputs.scope, inputs.name, inputs.namespace, change)
