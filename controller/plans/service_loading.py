"""`status.modelStatus` of a service: OME's words for how far its model is loaded, and why it is not."""

from controller.actions import Object
from controller.observed import Context
from controller.plans.conditions import Said
from controller.plans.failures import Failure
from controller.plans.runs import timestamp
from controller.plans.service_components import REASONS, Component


def model_status(engine: Component, old: Object, ready: Said, failed: Failure | None, context: Context) -> Object:
    """OME's words for how far loading is.

    Args:
        engine: Of the service.
        old: The service's status as it is.
        ready: Its condition Ready as it should be.
        failed: The newest failure, while no run goes on.
        context: For times.
    """
    trouble = engine.trouble
    available = int(((engine.deployment or {}).get("status") or {}).get("availableReplicas") or 0)
    is_broken = trouble is not None and trouble.cause in ("crash", "image", "image-name", "configuration")
    target = "Loaded" if ready.holds else "FailedToLoad" if is_broken else "Loading" if engine.pods else "Pending"
    transition = "UpToDate" if ready.holds else "BlockedByFailedLoad" if is_broken else "InProgress"
    if failed is not None and failed.code in ("invalid-input", "unsupported"):
        transition = "InvalidSpec"
    made: Object = {
        "transitionStatus": transition,
        "modelRevisionStates": {
            "activeModelState": "Loaded" if available else target,
            "targetModelState": target,
        },
        "modelCopies": {"failedCopies": 1 if is_broken else 0, "totalCopies": available},
    }
    if trouble is not None and is_broken:
        before = ((old.get("modelStatus") or {}).get("lastFailureInfo")) or {}
        info: Object = {"reason": REASONS[trouble.cause], "message": trouble.message[:2000]}
        codes = [int(code) for code in _exit_codes(engine)]
        info |= {"exitCode": codes[0]} if codes else {}
        is_same = all(before.get(key) == value for key, value in info.items())
        made["lastFailureInfo"] = info | {"time": before.get("time") if is_same else timestamp(context.now)}
    elif (old.get("modelStatus") or {}).get("lastFailureInfo") and not ready.holds:
        made["lastFailureInfo"] = old["modelStatus"]["lastFailureInfo"]
    return made


def _exit_codes(engine: Component) -> list[int]:
    found = []
    for pod in engine.pods:
        for container in (pod.get("status") or {}).get("containerStatuses") or ():
            ended = (container.get("state") or {}).get("terminated") or (container.get("lastState") or {}).get(
                "terminated"
            )
            if ended and ended.get("exitCode"):
                found.append(int(ended["exitCode"]))
    return found
