"""The condition UpToDate: whether a model has what its URI names now, as its source said when it was last asked.

It is "Info": a model that is outdated is as ready as before. Said by `controller.plans.model_status`.
"""

from collections.abc import Mapping
from typing import Any, Final

from controller.actions import Object
from controller.plans.attempts import Prospect
from controller.plans.conditions import Said
from controller.plans.model_state import ModelState
from crds.storage_uri import HubUri, with_revision

TYPE: Final = "UpToDate"
_SHOWN: Final = 12


def up_to_date(state: ModelState, source: Object, artifact: Mapping[str, Any]) -> tuple[Said, ...]:
    """The condition; none before the source was asked, nor where a URI names one revision for good.

    Args:
        state: The model.
        source: `status.source` as it is going to be.
        artifact: `status.artifact` as it is going to be.
    """
    has, newest = str(artifact.get("revision") or ""), str(source.get("revision") or "")
    if not source or not has:
        return ()
    followed = str(source.get("followed") or "")
    if followed and followed != has:
        return (_updating(state, followed, has),)
    if reason := str(source.get("reason") or ""):
        text = (
            f"{state.wanted.uri} could not be asked whether it has moved: {source.get('message')} "
            f"Revision {_short(has)} stays as it is. It is asked again at the next look, or when the annotation "
            "ome.io/refresh changes."
        )
        return (Said(TYPE, None, reason, text, "Info"),)
    if newest == has:
        return (Said(TYPE, True, TYPE, f"{state.wanted.uri} names revision {_short(has)}, which it has.", "Info"),)
    text = (
        f"{state.wanted.uri} names revision {_short(newest)} now; this model has {_short(has)}. To take the newer, "
        f"set spec.storage.revisionPolicy to OnChange.{_how_to_stay(state, has)}"
    )
    return (Said(TYPE, False, "NewerRevision", text, "Info"),)


def _updating(state: ModelState, followed: str, has: str) -> Said:
    """A newer revision on its way, or why it does not come."""
    stays = f" Revision {_short(has)} is served until then." if state.is_usable else ""
    last = _last(state) if followed == state.wanted.followed else None
    if last is not None and last.last is not None and state.runs.active is None:
        text = f"Revision {_short(followed)} could not be imported: {last.last.sentence} {last.outlook}{stays}"
        return Said(TYPE, False, last.last.reason, f"{text}{_how_to_stay(state, has)}", "Info")
    nodes = f" It is on {len(state.ready)} of {len(state.targets)} nodes." if state.is_behind else ""
    return Said(TYPE, False, "Updating", f"Revision {_short(followed)} is being imported.{nodes}{stays}", "Info")


def _last(state: ModelState) -> Prospect | None:
    """The failure that holds the newer revision up."""
    prospects = [state.gate, *(node.prospect for node in state.lacking)]
    return next((one for one in prospects if one.last is not None), None)


def _how_to_stay(state: ModelState, has: str) -> str:
    uri = state.wanted.storage.uri
    if not isinstance(uri, HubUri) or len(has) < _SHOWN:
        return ""
    pinned = with_revision(HubUri(uri.repository), has)
    return f" To stay for good, name it: {pinned}."


def _short(revision: str) -> str:
    """Enough to know it by, of commits and of digests."""
    algorithm, colon, digits = revision.rpartition(":")
    return f"{algorithm}{colon}{digits[:_SHOWN]}"
