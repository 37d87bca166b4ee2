"""ConfigMaps with a manifest and its facts: the controller keeps them for models, and deletes those nobody needs."""

from controller.actions import Action, DeleteObject, Object, PatchObject
from controller.observed import Context

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


def release_artifact(model: Object, status: Object, context: Context) -> list[Action]:
    """Delete those of the artifact that a new status leaves behind, when no other model has the same."""
    old = str(((model.get("status") or {}).get("artifact") or {}).get("digest") or "")
    new = str((status.get("artifact") or {}).get("digest") or "")
    if not old or old == new or _is_used(old, model, context):
        return []
    namespace = context.settings.namespace
    return [
        DeleteObject("ConfigMap", namespace, name)
        for name in _names(old)
        if context.observed.get("ConfigMap", namespace, name) is not None
    ]


def _names(digest: str) -> list[str]:
    short = digest.removeprefix("sha256:")[:12]
    return [f"{content}-{short}" for content in _CONTENTS] if short else []


def _is_used(digest: str, model: Object, context: Context) -> bool:
    return any(
        ((item.get("status") or {}).get("artifact") or {}).get("digest") == digest
        for kind in ("ClusterBaseModel", "BaseModel")
        for item in context.observed.list(kind)
        if item["metadata"].get("uid") != model["metadata"].get("uid")
    )
