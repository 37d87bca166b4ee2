"""Whether a model's source has moved since its import: when it is asked, what it said, and what follows from that.

A branch, a prefix of a bucket or a registry's tag names something else tomorrow. A model keeps what it was resolved
to. A small run (`check-revision`) asks the source at intervals, and when the annotation `ome.io/refresh` gets another
value; `status.source` remembers the answer, so that runs may go. Under `revisionPolicy: OnChange` a newer revision
becomes what nodes are to have (`Wanted.followed`); otherwise a condition says that there is one.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from controller.actions import Action, CreateObject, DeleteObject, Object
from controller.observed import Context
from controller.plans.conditions import condition_of, is_true
from controller.plans.model_runs import own_runs_of_model
from controller.plans.model_state import ModelState
from controller.plans.model_token import token_for_run
from controller.plans.naming import digest_of, next_run
from controller.plans.runs import Run, parse_time
from controller.plans.submission import submit
from crds.metadata import REFRESH

TEMPLATE: Final = "check-revision"
VERB: Final = "check"
_NEVER_MOVE: Final = frozenset({"vendor", "local", "pvc"})
"""Schemes of which no pod can ask what they name, or whose models are read in place."""
_LATE: Final = 50
"""The part of the interval for which a look may be late. One that was missed altogether, as while no controller ran,
waits for its next time: made up for, all models' looks would come at once."""


@dataclass(frozen=True, slots=True)
class Check:
    """What is known of a model's source, and what to do to know more.

    Attributes:
        source: `status.source` as it should be; {} for none.
        submission: The run to submit now, behind what it needs.
        is_running: Whether one goes on.
        wait_seconds: Until the next look; None when none is to come.
    """

    source: Object
    submission: tuple[Action, ...] = ()
    is_running: bool = False
    wait_seconds: float | None = None

    @property
    def needs_token(self) -> bool:
        """Whether a run goes on or is to be submitted now."""
        return self.is_running or bool(self.submission)


def plan_check(state: ModelState, context: Context) -> Check:
    """What to do about a model's source now."""
    wanted = state.wanted
    if wanted.scheme in _NEVER_MOVE or wanted.storage.names_one_revision:
        return Check({})
    runs = own_runs_of_model(state.model, context, TEMPLATE)
    source = _followed(state, _told(state, runs))
    active = next((run for run in runs if run.is_active and _is_for(run, state)), None)
    if active is not None:
        return Check(source, is_running=True, wait_seconds=active.seconds_to_deadline)
    if not _may_have_moved(state):
        return Check(source)
    asked, wait = _due(state, source, context)
    if not asked:
        return Check(source, wait_seconds=wait)
    return Check(source, tuple(_submission(state, runs, asked, context)))


def _told(state: ModelState, runs: tuple[Run, ...]) -> Object:
    """What is remembered, with the answer of the newest run that has come since, and since the last import began."""
    old = dict(state.wanted.source)
    workflow = (state.model.get("status") or {}).get("workflow") or {}
    known = max(str(old.get("checkedAt") or ""), str(workflow.get("startedAt") or ""))
    ended = [run for run in runs if not run.is_active and _is_for(run, state)]
    last = max(ended, key=lambda run: run.finished, default=None)
    if last is None or last.finished <= known:
        return old
    made: Object = {key: old[key] for key in ("revision", "digest", "followed", "followedDigest") if key in old}
    made |= {"uri": state.wanted.uri, "question": state.wanted.question, "checkedAt": last.finished}
    if refresh := last.annotations.get(REFRESH):
        made["refresh"] = refresh
    elif "refresh" in old:
        made["refresh"] = old["refresh"]
    if revision := last.output("revision", "check") if last.phase == "Succeeded" else "":
        return made | {"revision": revision, "digest": f"sha256:{last.output('manifest', 'check')}"}
    failed = last.failure
    reason, message = (failed.reason, failed.sentence) if failed else ("WorkflowError", "The run gave no revision.")
    return made | {"reason": reason, "message": message}


def _followed(state: ModelState, source: Object) -> Object:
    """With `OnChange` the newest revision that the source has told is the one to have.

    A source that goes back to what the first import brought is followed by having followed nothing: nodes have it so.
    """
    newest, has = source.get("revision"), source.get("followed") or state.artifact.get("revision")
    if state.wanted.storage.revision_policy != "OnChange" or not newest or newest == has or not _may_have_moved(state):
        return source
    held = (node.entry for node in state.nodes if node.entry is not None and node.entry.revision == newest)
    if newest == state.artifact.get("revision") and any(entry.files == state.wanted.first_files for entry in held):
        return {key: value for key, value in source.items() if key not in ("followed", "followedDigest")}
    return source | {"followed": newest, "followedDigest": source.get("digest") or ""}


def _is_for(run: Run, state: ModelState) -> bool:
    """Whether it asked for what the model asks for."""
    return run.inputs(VERB).partition("-")[0] == state.wanted.question


def _may_have_moved(state: ModelState) -> bool:
    """Whether it has a revision of this URI that another can replace.

    While its import is at work that is waited for; where it has failed, a newer revision may be all that can be had.
    """
    is_still = is_true(state.model, "Ready") or state.runs.active is None
    return state.artifact.get("uri") == state.wanted.uri and is_still


def _due(state: ModelState, source: Object, context: Context) -> tuple[str, float | None]:
    """What a look now is for, "" for none; and seconds until the next one.

    Each model has its own time in the interval, so that thousands are not asked for at once.
    """
    refresh = _annotation(state)
    if refresh and refresh != source.get("refresh"):
        return f"refresh {refresh}", None
    interval = context.settings.revision_check_seconds
    if interval <= 0:
        return "", None
    now = context.now.timestamp()
    offset = int(digest_of([state.wanted.uid]), 16) / 16**16 * interval
    number = (now - offset) // interval
    point = offset + number * interval
    since = _known_since(state, source)
    is_new = since is None or since.timestamp() < point - interval / 2
    if is_new and now - point <= interval / _LATE:
        return f"look {number:.0f}", None
    return "", max(point + interval - now, 1.0)


def _known_since(state: ModelState, source: Object) -> datetime | None:
    """When the source was asked last: at a look, or, before the first, when the model was resolved.

    Not when it became ready: where nodes come and go by the day, it does so every day.
    """
    resolved = str(condition_of(state.model, "Resolved").get("lastTransitionTime") or "")
    last = str(source.get("checkedAt") or "") or resolved
    return parse_time(last) if last else None


def _annotation(state: ModelState) -> str:
    return str((state.model["metadata"].get("annotations") or {}).get(REFRESH) or "")


def _submission(state: ModelState, runs: tuple[Run, ...], asked: str, context: Context) -> list[Action]:
    """The run, behind the token that it needs, and without the answers of before."""
    wanted, namespace = state.wanted, context.settings.namespace
    inputs = f"{wanted.question}-{digest_of(asked)}"
    kept = ("uri", "allow_patterns", "ignore_patterns", "source_parameters", "secret", "secret_key")
    arguments = {key: text for key, text in wanted.arguments((), "").items() if key in kept}
    actions: list[Action] = []
    if token := token_for_run(state, namespace):
        arguments["secret"] = wanted.copied_secret
        actions.append(token)
    # Named by what it is for alone: a run whose answer is not there yet is the same one, whoever asks again.
    name = next_run(VERB, wanted.name, inputs, (run.name for run in runs))
    refresh = {REFRESH.partition("/")[2]: _annotation(state)} if asked.startswith("refresh ") else {}
    run: CreateObject = submit(TEMPLATE, name, state.model, arguments, inputs, namespace, **refresh)
    old = [DeleteObject("Workflow", run.namespace, run.name) for run in runs if not run.is_active]
    return [*actions, run, *old]
