"""What a plan may ask for: small frozen commands that `controller.execute` carries out in order.

Planners (`controller.plans`) make them and touch nothing. Each is idempotent, so that a plan that was cut short by a
crash is simply made and carried out again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Object = dict[str, Any]
"""A Kubernetes object as the API server gives it."""


@dataclass(frozen=True, slots=True)
class Key:
    """One object: its kind, namespace ("" when cluster-scoped) and name."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.namespace}/{self.name}" if self.namespace else f"{self.kind}/{self.name}"


@dataclass(frozen=True, slots=True)
class CreateObject:
    """Create an object; that it exists already means that it is done (a workflow's name says what it is for)."""

    body: Object


@dataclass(frozen=True, slots=True)
class ApplyObject:
    """Server-side apply an object that is ours alone (CronWorkflow, a node's ConfigMap), with our field manager."""

    body: Object


@dataclass(frozen=True, slots=True)
class DeleteObject:
    """Delete an object, with what it owns; that it is gone already means that it is done."""

    kind: str
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class PatchObject:
    """JSON merge patch of an object's metadata or spec: finalizers, empty spec fields, a node's labels.

    Attributes:
        resource_version: When given, the patch holds only for that version (a conflict plans again).
    """

    kind: str
    namespace: str
    name: str
    patch: Mapping[str, Any]
    resource_version: str = ""


@dataclass(frozen=True, slots=True)
class WriteStatus:
    """Make an object's status exactly this, through its status subresource. Left out when nothing changed."""

    kind: str
    namespace: str
    name: str
    resource_version: str
    status: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CopySecret:
    """Make a Secret hold what another one holds under some keys: a tenant's, for pods of the system namespace.

    The planner never sees what is copied. That the tenant's Secret may not be read, or is not there, is no reason to
    end the plan: the step that needs it says so.

    Attributes:
        labels: Of the copy.
    """

    from_namespace: str
    from_name: str
    namespace: str
    name: str
    keys: tuple[str, ...]
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class EmitEvent:
    """A Kubernetes event about an object; the same one within a while is counted, not written again."""

    regarding: Object = field(hash=False)
    type: Literal["Normal", "Warning"]
    reason: str
    message: str


Action = CreateObject | ApplyObject | DeleteObject | PatchObject | WriteStatus | CopySecret | EmitEvent


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do about one object now, and when to look again even if nothing changes.

    Attributes:
        actions: In order; a failing one ends the attempt, and the object is planned again after a back-off.
        requeue_seconds: None when only a change matters.
    """

    actions: tuple[Action, ...] = ()
    requeue_seconds: float | None = None
