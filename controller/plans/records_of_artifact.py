"""ConfigMaps with a manifest and its facts: the controller keeps them for models, and deletes those nobody needs."""

from controller.actions import Action, DeleteObject, Object, PatchObject
from controller.observed import Context
from controller.plans.runs import Run

_CONTENTS = ("manifest", "facts")


def keep_artifact(digest: str, context: Context) -> list[Action]:
    """Take them from the workflow that made them, with which they would go."""
    namespace = context.settings.namespace
    found = ((name, context.observed.get("ConfigMap", namespace, name)) for name in _names(digest))
    return [
        PatchObject("ConfigMap", namespace, name, {"metadata": {"ownerReferences": None}})
        for name, item in found
        if item is not None and item["metadata"].get("ownerReferences")
    ]


def release_artifact(model: Object, status: Object, context: Context, known: str = "") -> list[Action]:
    """Delete those of the artifact that a new status leaves behind, when no other model has the same.

    Args:
        model: As it is.
        status: As it is going to be.
        context: What is observed.
        known: Digest of an artifact that its runs brought, whether or not its status has come to say so.
    """
    old = str(((model.get("status") or {}).get("artifact") or {}).get("digest") or "")
    new = str((status.get("artifact") or {}).get("digest") or "")
    namespace = context.settings.namespace
    return [
        DeleteObject("ConfigMap", namespace, name)
        for digest in dict.fromkeys((old, known))
        if digest and digest != new and not _is_used(digest, model, context)
        for name in _names(digest)
        if context.observed.get("ConfigMap", namespace, name) is not None
    ]


def _names(digest: str) -> list[str]:
    short = digest.removeprefix("sha256:")[:12]
    return [f"{content}-{short}" for content in _CONTENTS] if short else []


def _is_used(digest: str, model: Object, context: Context) -> bool:
    """Whether another model has it, or a run brings it to one whose status does not say so yet."""
    uid = model["metadata"].get("uid")
    is_had = any(item["metadata"].get("uid") != uid for item in context.observed.models_with(digest))
    return is_had or any(_is_for_another(item, model, context) for item in context.observed.runs_with(digest))


def _is_for_another(workflow: Object, model: Object, context: Context) -> bool:
    run = Run(workflow, context.now)
    kind = run.arguments.get("scope") or "ClusterBaseModel"
    namespace = run.arguments.get("namespace", "") if kind == "BaseModel" else ""
    other = context.observed.get(kind, namespace, run.arguments.get("name", ""))
    return other is not None and other["metadata"].get("uid") != model["metadata"].get("uid")
