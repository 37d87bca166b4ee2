"""The step of a model that stays in its PersistentVolumeClaim: a pod mounts the claim and says what is in it.

Run by `read-claim`. Nothing is copied: services mount the claim themselves.
"""

import os
import sys

from pydantic import Field

from crds.labels import ModelKind
from steps.contract import StepInputs, StepOutputs, step
from steps.errors import ClusterError, InvalidInputError, UnsupportedError
from steps.facts import Facts


class ReadClaimInputs(StepInputs):
    """What to read, and for whom."""

    uri: str = Field(default="", description="Storage URI: pvc://[namespace:]claim/path.")
    name: str = Field(default="", description="The model's name.")
    scope: ModelKind = Field(default="ClusterBaseModel", description="Kind of the model's resource.")
    namespace: str = Field(default="default", description="Namespace of a BaseModel, whose claims alone it may have.")
    allow_patterns: tuple[str, ...] = Field(
        default=(), description="Keep only files that match one of these shell patterns."
    )
    ignore_patterns: tuple[str, ...] = Field(
        default=(), description="Leave out files that match one of these shell patterns."
    )


class ReadClaimOutputs(StepOutputs):
    """What is in the claim."""

    manifest: str = Field(description="Digest under which the facts are stored.")
    revision: str = Field(description="Digest over names and sizes of the files, not over their contents.")
    total_bytes: int = Field(description="Bytes of all files.")
    file_count: int = Field(description="Number of files.")
    facts: Facts = Field(description="What is known about the model.")


@step(
    "read-claim",
    title="Read the claim",
    description="Runs a pod that mounts the claim read-only, lists the model's folder and parses it where it is.",
)
def read_claim(inputs: ReadClaimInputs) -> ReadClaimOutputs:
    """Read a model in its claim and store its facts.

    Raises:
        UnsupportedError: on one machine, which has no claims.
        InvalidInputError: for another URI than a claim's, or a claim that the model may not have.
        NotFoundError: when the claim or the folder is not there.
        ClusterError: when no pod can mount it.
    """
    from crds.storage_uri import PvcUri, StorageUriError, parse_storage_uri
    from steps.cluster.api import open_api
    from steps.cluster.claim_pod import ClaimFolder, claim_pod
    from steps.cluster.claim_reader import Patience
    from steps.cluster.claim_reader import read_claim as read
    from steps.cluster.pod import is_on_cluster
    from steps.cluster.resource_types import resource_type
    from steps.describe_claim import ClaimRequest
    from steps.manifest_store import save_facts

    try:
        uri = parse_storage_uri(inputs.uri)
    except StorageUriError as error:
        raise InvalidInputError(f"uri: {error.message}", remedy=f"Accepted: {error.accepted}.") from None
    if not isinstance(uri, PvcUri):
        raise InvalidInputError(
            f'uri: "{inputs.uri}" is no claim',
            remedy="Give pvc://[namespace:]claim/path; import-model takes the other URIs.",
        )
    own = (inputs.namespace or "default") if inputs.scope == "BaseModel" else ""
    is_allowed = uri.namespace in ("", own) if own else bool(uri.namespace)
    if not is_allowed:
        raise InvalidInputError(
            f'uri: "{inputs.uri}" names a claim that {inputs.scope} "{inputs.name}" may not have',
            remedy="A BaseModel has claims of its own namespace; a ClusterBaseModel names the namespace: "
            "pvc://namespace:claim/path.",
        )
    image = os.environ.get("OME_STEP_IMAGE", "")
    if not is_on_cluster():
        raise UnsupportedError(
            f'uri: "{inputs.uri}": one machine has no claims', remedy="Use local:///path for a folder of this machine."
        )
    if not image:
        raise ClusterError("OME_STEP_IMAGE is not set", remedy="Install the workflow templates again: ome install.")
    request = ClaimRequest(
        uri=inputs.uri,
        path=uri.path.strip("/"),
        allow_patterns=inputs.allow_patterns,
        ignore_patterns=inputs.ignore_patterns,
    )
    folder = ClaimFolder(uri.namespace or own, uri.claim, request)
    patience = Patience(trouble=float(os.environ.get("OME_CLAIM_PATIENCE") or 1.0))
    api = open_api()
    model = api.find(resource_type(inputs.scope), inputs.name, own) if inputs.name else None
    pod = claim_pod(folder, os.environ.get("OME_WORKFLOW_UID", ""), image, model, int(patience.whole))
    report = read(api, folder, pod, patience)
    digest = report.digest(folder.place)
    save_facts(digest, report.facts)
    sys.stderr.write(f"{folder.place}: {report.file_count} files, {report.total_bytes} bytes\n")
    return ReadClaimOutputs(
        manifest=digest,
        revision=report.revision,
        total_bytes=report.total_bytes,
        file_count=report.file_count,
        facts=report.facts,
    )
