"""The token of a model's source where runs can have it, for as long as one goes on or is to come.

A tenant's Secret lies in the tenant's namespace, and pods of runs in the system namespace: they read a copy. It is
made before a run, and deleted when none is left that may need it.
"""

from controller.actions import Action, ApplyObject, CopySecret, DeleteObject, Object
from controller.observed import Context
from controller.plans.conditions import Said
from controller.plans.model_inputs import Wanted, lacks_secret
from controller.plans.model_state import ModelState
from controller.plans.submission import owner_reference, resource_labels
from steps.credentials import SECRET_KEYS


def secret_obstacle(state: ModelState, context: Context) -> Said | None:
    """Why no run can be submitted, as the condition Ready has it; a tenant's token matters while a run is to come."""
    if not lacks_secret(state.wanted, context) or (state.wanted.namespace and _is_at_rest(state)):
        return None
    name, namespace = state.wanted.secret, context.settings.namespace
    if tenant := state.wanted.namespace:
        text = tenants_secret_unread("spec.storage.key", name, tenant, namespace)
        return Said("Ready", False, "SecretNotReadable", text)
    text = (
        f'spec.storage.key: Secret "{name}" of namespace {namespace} does not exist. Make it: kubectl create secret '
        f"generic {name} -n {namespace} --from-file={_keys(state.wanted)[0]}=FILE"
    )
    return Said("Ready", False, "SecretNotFound", text)


def is_waiting_for_tenant(state: ModelState, obstacle: Said | None) -> bool:
    """Whether a tenant's token is missing, or was refused: theirs are not watched, so that they are asked for."""
    if not state.wanted.namespace or not state.wanted.secret:
        return False
    last = state.gate.last
    return obstacle is not None or (last is not None and last.code == "auth" and not state.gate.is_due)


def token_for_run(state: ModelState, namespace: str) -> Action | None:
    """The source's token where pods can have it: a copy of a tenant's Secret, or a Secret of one written in clear."""
    model, wanted = state.model, state.wanted
    marks = resource_labels(model)
    if wanted.namespace and wanted.secret:
        return tenants_token(state, namespace)
    token = wanted.storage.parameters.get("token")
    if not token or wanted.secret:
        return None
    metadata: Object = {"name": wanted.copied_secret, "namespace": namespace, "labels": marks}
    if not wanted.namespace:
        metadata["ownerReferences"] = [owner_reference(model)]
    return ApplyObject(
        {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {wanted.secret_key: token}}
    )


def unneeded_copy(state: ModelState, context: Context, *, is_needed: bool = False) -> list[Action]:
    """A copy that no run reads, and none is going to: it goes with the runs.

    Args:
        state: The model.
        context: What is observed.
        is_needed: Whether another run than an import needs it.
    """
    wanted, namespace = state.wanted, context.settings.namespace
    is_named = bool(wanted.namespace and wanted.secret) or bool(wanted.storage.parameters.get("token"))
    if context.observed.get("Secret", namespace, wanted.copied_secret) is None:
        return []
    if is_needed or state.runs.active is not None:
        return []
    return [] if is_named and not _is_at_rest(state) else [DeleteObject("Secret", namespace, wanted.copied_secret)]


def tenants_token(state: ModelState, namespace: str) -> CopySecret:
    """The copy of a tenant's token, as the tenant's Secret has it now."""
    wanted, marks = state.wanted, resource_labels(state.model)
    return CopySecret(wanted.namespace, wanted.secret, namespace, wanted.copied_secret, _keys(wanted), marks)


def secret_keys(scheme: str) -> tuple[str, ...]:
    """The keys of a Secret that an object store takes, in both spellings; () where it is one of a person's choice."""
    keys = SECRET_KEYS.get(scheme, ())
    return (*keys, *(key.lower() for key in keys))


def tenants_secret_unread(field: str, name: str, tenant: str, namespace: str) -> str:
    """That a tenant's Secret cannot be read, and the commands that mend it.

    Args:
        field: Of the resource, that names it.
        name: Of the Secret.
        tenant: Its namespace.
        namespace: The system namespace.
    """
    return (
        f'{field}: Secret "{name}" of namespace {tenant} does not exist, or the controller may not read '
        f"it. Make it, and then: kubectl create role {name} -n {tenant} --verb=get --resource=secrets "
        f"--resource-name={name}; kubectl create rolebinding {name} -n {tenant} --role={name} "
        f"--serviceaccount={namespace}:ome-controller"
    )


def _keys(wanted: Wanted) -> tuple[str, ...]:
    return secret_keys(wanted.scheme) or (wanted.secret_key,)


def _is_at_rest(state: ModelState) -> bool:
    """Whether no run goes on, and none follows unless something changes; a refused token is asked for again."""
    gate = state.gate
    if state.runs.active is not None or state.runs.lost:
        return False
    if gate.last is not None and (gate.wait_seconds is not None or gate.last.code == "auth"):
        return False
    if gate.wait_seconds is None:
        return True
    return not _lacks_facts(state) and not any(
        node.place.can_start_pods and node.prospect.wait_seconds is not None and not node.is_full(state.wanted)
        for node in state.lacking
    )


def _lacks_facts(state: ModelState) -> bool:
    """Whether a run is to come for the facts alone, on a node that has the files."""
    is_read = state.is_parsed or any(run.phase == "Succeeded" for run in state.runs.attempts[-1:])
    return not is_read and any(node.place.can_start_pods for node in state.ready)
