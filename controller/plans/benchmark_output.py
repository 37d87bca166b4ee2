"""Where a benchmark's report goes beside the cluster: the arguments of its upload, its Secret, and what came of it.

The Secret that `spec.outputLocation.key` names lies in the job's namespace, and pods of runs in the system namespace:
they read a copy. It is made before a run and deleted after it; for a schedule, whose runs nobody submits, it stays as
long as there is one, and is made anew after each run.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import ValidationError

from controller.actions import Action, CopySecret, DeleteObject, Object
from controller.observed import Context
from controller.plans.conditions import Said
from controller.plans.model_inputs import copied_secret
from controller.plans.model_token import secret_keys, tenants_secret_unread
from controller.plans.submission import resource_labels
from crds.problems import FieldError
from crds.storage import StorageSpec
from steps.errors import OmeError
from steps.sources.destination import DestinationUri, destination_of

READ_AGAIN_SECONDS: Final = 20.0
"""How soon a Secret of a tenant that could not be read is asked for again."""
_PARAMETERS: Final = ("auth", "endpoint", "region")
_ANY_FOLDER: Final = "run"


@dataclass(frozen=True, slots=True)
class Output:
    """Where a report is to go.

    Attributes:
        arguments: Of benchmark-endpoint; {} where nothing is uploaded.
        secret: The Secret with the store's keys, in the job's namespace; "" for none.
        scheme: Of the store; "" where nothing is uploaded.
        ignored: Fields of the spec that have no effect.
        why: Why they have none, in a sentence; "" for nothing to say.
    """

    arguments: Mapping[str, str] = field(default_factory=dict, hash=False)
    secret: str = ""
    scheme: str = ""
    ignored: tuple[str, ...] = ()
    why: str = ""


def output_of(job: Object) -> Output:
    """Where the report of a benchmark is to go."""
    spec = job.get("spec") or {}
    folder = str(spec.get("resultFolderName") or "")
    given = [name for name in ("outputLocation", "resultFolderName") if spec.get(name)]
    if not spec.get("outputLocation"):
        return Output(ignored=tuple(given))
    try:
        storage = StorageSpec.from_dict(spec["outputLocation"]).require_uri("storageUri")
        destination: DestinationUri = destination_of(
            storage.storage_uri,
            folder or _ANY_FOLDER,
            uri_field="spec.outputLocation.storageUri",
            folder_field="spec.resultFolderName",
        )
    except (FieldError, ValidationError) as error:
        return Output(ignored=tuple(given), why=f"spec.outputLocation: {error}.")
    except OmeError as error:
        return Output(ignored=tuple(given), why=f"{error.message}. {error.remedy}")
    made = {"output_uri": storage.storage_uri}
    made |= {"result_folder": folder} if folder else {}
    reached = {name: value for name in _PARAMETERS if (value := storage.parameters.get(name))}
    made |= {"output_parameters": json.dumps(reached, sort_keys=True, separators=(",", ":"))} if reached else {}
    made |= {"secret": _copy_of(job)} if storage.key else {}
    unread = (f"outputLocation.parameters.{name}" for name in storage.parameters if name not in _PARAMETERS)
    return Output(made, storage.key, destination.scheme, tuple(unread))


@dataclass(frozen=True, slots=True)
class Token:
    """What is done about the copy of the Secret.

    Attributes:
        action: Makes or deletes it; None for nothing.
        obstacle: Why no run can read it, as the condition ReportUploaded; None when one can, or none needs to.
    """

    action: Action | None = None
    obstacle: Said | None = None

    @property
    def is_copied(self) -> bool:
        """Whether a copy is made, which the job must undo when it goes."""
        return isinstance(self.action, CopySecret)


def plan_token(job: Object, output: Output, context: Context, *, is_needed: bool, is_to_be_renewed: bool) -> Token:
    """What to do about the copy of the Secret now.

    Args:
        job: The benchmark.
        output: Where its report goes.
        context: What is observed.
        is_needed: Whether a run goes on, or is to come.
        is_to_be_renewed: Whether the tenant's Secret is to be read although there is a copy.
    """
    copy, namespace = _copy_of(job), context.settings.namespace
    is_there = context.observed.get("Secret", namespace, copy) is not None
    if not output.secret or not is_needed:
        return Token(DeleteObject("Secret", namespace, copy) if is_there else None)
    if is_there and not is_to_be_renewed:
        return Token()
    tenant = str(job["metadata"]["namespace"])
    action = CopySecret(tenant, output.secret, namespace, copy, secret_keys(output.scheme), resource_labels(job))
    if is_there:
        return Token(action)
    text = tenants_secret_unread("spec.outputLocation.key", output.secret, tenant, namespace)
    return Token(action, Said("ReportUploaded", False, "SecretNotReadable", text))


def uploaded_said(output: Output, token: Token, last: Mapping[str, Any] | None) -> Said | None:
    """The condition ReportUploaded: where the last run's report is, or why it is not there; None for nothing to say.

    Args:
        output: Where reports are to go.
        token: The Secret for that.
        last: The entry of the last finished run.
    """
    if token.obstacle is not None:
        return token.obstacle
    if not output.arguments or last is None:
        return None
    failed, uri = str(last.get("uploadFailure") or ""), str(last.get("reportUri") or "")
    if uri.startswith(f"{output.scheme}://"):
        text = f"{uri} has the report of run {last['run']}. {failed}".strip()
        return Said("ReportUploaded", True, "Uploaded", text)
    if not failed:
        return None
    text = f"The report of run {last['run']} is not in {output.arguments['output_uri']}. {failed}"
    return Said("ReportUploaded", False, "UploadFailed", f"{text} Its figures stand here all the same.")


def forget_copy(job: Object, context: Context) -> list[Action]:
    """Delete the copy of a job that goes."""
    copy, namespace = _copy_of(job), context.settings.namespace
    there = context.observed.get("Secret", namespace, copy) is not None
    return [DeleteObject("Secret", namespace, copy)] if there else []


def _copy_of(job: Object) -> str:
    return copied_secret(str(job["metadata"]["name"]), str(job["metadata"].get("uid") or ""))
