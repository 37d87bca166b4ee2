"""What a pod says of why it does not run, for `ome doctor` and for `ome install` while it waits. Pure."""

from pipelines.install.objects import Object


def container_statuses(pod: Object) -> list[Object]:
    """Of all its containers, those that prepare it first."""
    status = pod.get("status") or {}
    return [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]


def waiting(pod: Object) -> str:
    """What a pod's containers wait for, in their own words; or why it was not scheduled; "" for neither."""
    said = [
        f"{state['reason']}: {state.get('message', '')}".rstrip(": ")
        for each in container_statuses(pod)
        if (state := (each.get("state") or {}).get("waiting"))
    ]
    conditions = (pod.get("status") or {}).get("conditions") or ()
    unplaced = (each for each in conditions if (each["type"], each["status"]) == ("PodScheduled", "False"))
    said += [str(each.get("message", "")) for each in unplaced]
    return f"{pod['metadata']['name']}: {', '.join(filter(None, said))}" if any(said) else ""
