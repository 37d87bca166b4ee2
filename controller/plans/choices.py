"""What a selection chooses from, as the caches have it: where none of it has changed, it decides the same again."""

from typing import Any, Final

from controller.observed import Context
from controller.plans.naming import digest_of

_OF_CLASS: Final = ("nodes", "availableNodes", "totalAccelerators")


def kinds_to_choose_from(namespace: str, context: Context) -> list[Any]:
    """Runtimes and accelerator classes, by name with a digest of their specs.

    Args:
        namespace: Whose ServingRuntimes; "" for those of all.
        context: What is observed.
    """
    return [
        [item["metadata"]["name"], digest_of(item.get("spec"))]
        for kind in ("ClusterServingRuntime", "ServingRuntime", "AcceleratorClass")
        for item in context.observed.list(kind, namespace if kind == "ServingRuntime" else "")
    ]


def nodes_of_classes(context: Context) -> list[Any]:
    """The nodes of each accelerator class, as its status tells them: it changes only when a node does."""
    return [
        [item["metadata"]["name"], [plain((item.get("status") or {}).get(name)) for name in _OF_CLASS]]
        for item in context.observed.list("AcceleratorClass")
    ]


def plain(value: Any) -> Any:
    """A list in one order, whatever the order it was written in."""
    return sorted(str(one) for one in value) if isinstance(value, list) else value
