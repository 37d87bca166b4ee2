"""Bring a service's objects on the cluster to what was rendered: apply each, delete those that are no longer wanted.

Every call may be repeated, so a step that was killed at any point is simply run again. Called by `deploy`.
"""

import time
from collections.abc import Callable, Iterable
from typing import Any

from crds.labels import COMPONENT, FIELD_MANAGER
from steps.cluster.api import ClusterApi
from steps.cluster.resource_types import AUTOSCALER, DEPLOYMENT, DISRUPTION_BUDGET, SERVICE, ResourceType
from steps.errors import ClusterError, InvalidInputError
from steps.serving.cluster.metadata import Object, ServiceMetadata
from steps.serving.cluster.render import Rendered
from steps.serving.cluster.strategy import with_room

SERVICE_ACCOUNT = ResourceType("v1", "ServiceAccount", "serviceaccounts")
ROLE = ResourceType("rbac.authorization.k8s.io/v1", "Role", "roles")
ROLE_BINDING = ResourceType("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings")
_RIGHTS = (SERVICE_ACCOUNT, ROLE, ROLE_BINDING)
"""What only a router has, so that who deploys no routers needs no permission to look for it."""
KINDS = (*_RIGHTS, SERVICE, AUTOSCALER, DISRUPTION_BUDGET, DEPLOYMENT)
"""All kinds that a service may have objects of. Deployments are deleted last: a router's tells that it had rights."""

HAND_OVER = f"{FIELD_MANAGER}-replicas"
"""Field manager that keeps `replicas` as they are while they pass from us to an autoscaler."""
_GONE_SECONDS = 60.0
_POLL_SECONDS = 0.5


def apply_objects(api: ClusterApi, service: ServiceMetadata, rendered: Rendered) -> bool:
    """Apply what was rendered and delete what the service had and no longer has.

    Returns:
        Whether all is just as it was rendered: a rollout over pods that never came up is let do without them, and
        what was rendered is to be applied again when it is over.

    Args:
        api: The cluster.
        service: Whose objects they are; it must be stored, since it owns them.
        rendered: All that it should have.

    Raises:
        InvalidInputError: when a name is taken by something that is not the service's, or a field is refused.
        ClusterError: when objects of an earlier service of that name do not go away.
    """
    there = _there(api, service, rendered)
    wanted = {(body["kind"], body["metadata"]["name"]) for body in rendered.objects}
    for body in rendered.objects:
        if (body["kind"], body["metadata"]["name"]) not in there:
            _see_that_it_is_free(api, _type_of(body), body, service)
    # First, because a superfluous autoscaler would change the number of pods that is now fixed.
    _delete(api, [body for key, body in there.items() if key not in wanted and key[0] == AUTOSCALER.kind])
    scaled = {part.deployment: part.scaling.minimum for part in rendered.components}
    is_as_rendered = True
    for body in rendered.objects:
        if body["kind"] != DEPLOYMENT.kind:
            _apply(api, _type_of(body), body)
            continue
        roomy = with_room(body, there.get((body["kind"], body["metadata"]["name"])))
        is_as_rendered &= roomy is body
        if "replicas" in body["spec"]:
            _apply(api, DEPLOYMENT, roomy)
        else:
            _apply_scaled(api, roomy, scaled[body["metadata"]["name"]])
    _delete(api, [body for key, body in there.items() if key not in wanted and key[0] != AUTOSCALER.kind])
    return is_as_rendered


def _apply_scaled(api: ClusterApi, body: Object, minimum: int) -> None:
    """Apply a Deployment whose `replicas` are an autoscaler's, and keep them as they are.

    A field that we set before and leave out now would fall back to its default of 1 if nobody else had set it: so
    another manager sets it to what it is first. A new Deployment starts with the minimum.
    """
    name, namespace = body["metadata"]["name"], body["metadata"]["namespace"]
    live = api.find(DEPLOYMENT, name, namespace)
    if live is None:
        live = _apply(api, DEPLOYMENT, {**body, "spec": {**body["spec"], "replicas": minimum}})
    if _sets_replicas(live, FIELD_MANAGER):
        kept = {
            "apiVersion": DEPLOYMENT.api_version,
            "kind": DEPLOYMENT.kind,
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"replicas": live["spec"].get("replicas", minimum)},
        }
        api.apply(DEPLOYMENT, kept, field_manager=HAND_OVER)
    _apply(api, DEPLOYMENT, body)


def _apply(api: ClusterApi, kind: ResourceType, body: Object) -> Object:
    """Apply an object.

    Raises:
        InvalidInputError: for a field that its kind does not have, which the API server calls a fault of its own.
    """
    try:
        return api.apply(kind, body)
    except ClusterError as error:
        _, is_told, field = error.message.partition("failed to create typed patch object")
        if not is_told:
            raise
        raise InvalidInputError(
            f"{kind.kind} {body['metadata']['name']} has a field that Kubernetes does not know: {field.strip(' :')}",
            remedy="Correct the field in the runtime or the service.",
        ) from None


def _sets_replicas(live: Object, manager: str) -> bool:
    return any(
        entry.get("manager") == manager
        and entry.get("operation") == "Apply"
        and "f:replicas" in (entry.get("fieldsV1") or {}).get("f:spec", {})
        for entry in live["metadata"].get("managedFields") or ()
    )


def _there(api: ClusterApi, service: ServiceMetadata, rendered: Rendered) -> dict[tuple[str, str], Object]:
    """What the service has, by kind and name, in the order of `KINDS`."""
    deployments = _owned(api, DEPLOYMENT, service)
    names = {body["metadata"]["labels"].get(COMPONENT) for body in deployments} | {c.name for c in rendered.components}
    found = [
        each
        for kind in KINDS
        if kind is not DEPLOYMENT and ("router" in names or kind not in _RIGHTS)
        for each in _owned(api, kind, service)
    ]
    return {(body["kind"], body["metadata"]["name"]): body for body in (*found, *deployments)}


def _owned(api: ClusterApi, kind: ResourceType, service: ServiceMetadata) -> list[Object]:
    labels = ",".join(f"{key}={value}" for key, value in service.selector.items())
    found = api.list(kind, service.namespace, labels=labels)
    return [each for each in found if (controller_of(each) or {}).get("uid") == service.uid]


def controller_of(body: Object) -> dict[str, Any] | None:
    """The owner that controls an object, or None."""
    owners = body["metadata"].get("ownerReferences") or ()
    return next((owner for owner in owners if owner.get("controller")), None)


def _see_that_it_is_free(api: ClusterApi, kind: ResourceType, body: Object, service: ServiceMetadata) -> None:
    """Refuse to take over what is not the service's; wait for what is left of an earlier service of that name.

    Raises:
        InvalidInputError: when somebody else has the name.
        ClusterError: when what is left does not go.
    """
    name = body["metadata"]["name"]

    def is_gone() -> bool:
        found = api.find(kind, name, service.namespace)
        if found is None:
            return True
        owner = controller_of(found) or {}
        if owner.get("uid") == service.uid:
            return True
        is_left_over = owner.get("kind") == "InferenceService" and owner.get("name") == service.name
        if not is_left_over and "deletionTimestamp" not in found["metadata"]:
            whose = f"belongs to {owner['kind']} {owner['name']}" if owner else "exists and belongs to no service"
            raise InvalidInputError(
                f"service {service.namespace}/{service.name} needs a {kind.kind} named {name}, which {whose}",
                remedy="Give the service another name, or delete what has the name.",
            )
        return False

    if not _until(is_gone, _GONE_SECONDS):
        raise ClusterError(
            f"{kind.kind} {service.namespace}/{name} of an earlier service of that name is still there after"
            f" {_GONE_SECONDS:g} s",
            remedy=f"See why: kubectl get {kind.plural} -n {service.namespace} {name} -o yaml; then run again.",
        )


def _until(holds: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _delete(api: ClusterApi, objects: Iterable[Object]) -> None:
    for body in objects:
        api.delete(_type_of(body), body["metadata"]["name"], body["metadata"]["namespace"])


def _type_of(body: Object) -> ResourceType:
    return next(kind for kind in KINDS if kind.kind == body["kind"])
