"""The step that brings a manifest's files to a node. Run by `import-model`, once a node; also safe to run again."""

import platform
import sys

from pydantic import Field

from crds.distribution import Distribution
from crds.labels import ModelKind
from crds.pickle_policy import UnsafePickles
from crds.signature_policy import DEFAULT_SIGNATURE, signer_digest
from steps.cluster.pod import is_on_cluster, node_name
from steps.contract import StepInputs, StepOutputs, step
from steps.distribution import find_peers
from steps.manifest_store import load_manifest
from steps.source_credentials import require_credentials


class CacheInputs(StepInputs):
    """What to cache, and where."""

    manifest: str = Field(default="", description="Digest of the manifest, from resolve-model.")
    name: str = Field(default="", description="The model's name, which names its folder.")
    scope: ModelKind = Field(default="ClusterBaseModel", description="Kind of the model's resource.")
    namespace: str = Field(default="default", description="Namespace of a BaseModel.")
    path: str = Field(default="", description="Its folder; under the models root. Empty for <models root>/<name>.")
    node: str = Field(default="", description="The node this runs on; empty for any (on one machine, this).")
    unsafe_pickles: UnsafePickles = Field(
        default="refuse", description="Whether to take pickles that run code when they are loaded."
    )
    distribution: Distribution = Field(
        default="auto",
        description="swarm: nodes give the bytes to each other; direct: each fetches all; auto: a swarm if it can be.",
    )
    signed_by: str = Field(
        default="", description="Who must have signed it: a public key or certificates in PEM; empty for nobody."
    )
    signature: str = Field(default=DEFAULT_SIGNATURE, description="The file of the model that its signature is in.")
    secret: str = Field(default="", description="Secret with the token or the keys of the source, if it needs any.")
    secret_key: str = Field(default="token", description="The key of the token in that Secret.")


class CacheOutputs(StepOutputs):
    """Where the files are, and what it cost."""

    path: str = Field(description="The model's folder.")
    node: str = Field(description="The node that has it now.")
    fetched_bytes: int = Field(description="Bytes fetched in this run.")
    reused_bytes: int = Field(description="Bytes that were there already.")
    received_bytes: int = Field(description="Of the bytes fetched, those that other nodes gave.")
    signed_by: str = Field(description="SHA-256 of the PEM of whoever's signature was verified; empty for nobody's.")


@step(
    "cache-model",
    title="Cache the model",
    description="Brings the files to the node, verified, resuming what an earlier run left.",
)
def cache_model(inputs: CacheInputs) -> CacheOutputs:
    """Import a stored manifest into its folder.

    Raises:
        OmeError: of the class that fits, with a remedy.
    """
    from steps.cache import import_model
    from steps.cache.signature import signature_policy

    signature = signature_policy(inputs.signed_by, inputs.signature)
    if is_on_cluster():
        from steps.cluster.held_model import wait_until_held

        wait_until_held()
    manifest = load_manifest(inputs.manifest)
    require_credentials(manifest.uri, inputs.secret, inputs.secret_key)
    imported = import_model(
        manifest,
        inputs.name,
        inputs.path,
        scope=inputs.scope,
        namespace=inputs.namespace,
        unsafe_pickles=inputs.unsafe_pickles,
        peers=find_peers(manifest.digest, inputs.distribution),
        signature=signature,
    )
    for folder in imported.evicted:
        sys.stderr.write(f"removed {folder}, which nothing refers to, for room\n")
    node = node_name() or inputs.node or platform.node() or "localhost"
    sys.stderr.write(
        f"{imported.path} on {node}: {imported.fetched_bytes} bytes fetched, {imported.reused_bytes} were there; "
        f"{imported.received_bytes} came from other nodes, {imported.sent_bytes} went to them\n"
    )
    return CacheOutputs(
        path=str(imported.path),
        node=node,
        fetched_bytes=imported.fetched_bytes,
        reused_bytes=imported.reused_bytes,
        received_bytes=imported.received_bytes,
        signed_by=signer_digest(inputs.signed_by),
    )
