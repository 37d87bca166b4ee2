"""Whether accounts, their rights, settings and what is beside them are as installed. Pure; part of `ome doctor`.

Only what decides is compared: what the API server fills in, or a person adds beside our fields, is no change.
"""

from collections.abc import Iterator, Sequence

from pipelines.install import argo
from pipelines.install.controller import CONTROLLER
from pipelines.install.finding import INSTALL, UPGRADE, Finding, State, well
from pipelines.install.installed_options import Live, installed_root, options_of, version_of_templates
from pipelines.install.objects import Object, title_of
from pipelines.install.options import NAMESPACE, Options
from pipelines.install.snapshot import Snapshot, compared
from pipelines.templates.settings import MODELS_ROOT_VARIABLE, SETTINGS, STEPS_TEMPLATE

_MOST_NAMED = 6


def object_findings(seen: Snapshot) -> Iterator[Finding]:
    """What of accounts, roles, settings, peers and a bundled Argo is missing, or is not what was installed."""
    live = _live(seen)
    is_other_version = version_of_templates(live) not in ("", Options().tag)
    for part, objects in compared(options_of(live)):
        if part == "settings":
            yield from _settings_findings(seen, live)
            continue
        readable = [each for each in objects if each["kind"] not in seen.unreadable]
        missing = [title_of(each) for each in readable if title_of(each) not in seen.objects]
        changed = [
            title_of(each)
            for each in readable
            if title_of(each) in seen.objects and is_changed(each, seen.objects[title_of(each)])
        ]
        # An installation of another version may be whole, and have other roles.
        state: State = "warning" if is_other_version else "error"
        remedy = UPGRADE if is_other_version else INSTALL
        if missing:
            yield Finding(part, state, f"not there: {_named(missing)}", remedy)
        if changed:
            yield Finding(part, state, f"not as installed: {_named(changed)}", remedy)
        if readable and not missing and not changed:
            yield well(part, f"{len(readable)} objects as installed")


def is_changed(made: Object, there: Object) -> bool:
    """Whether an object on a cluster does something else than the one that an installation makes."""
    match made["kind"]:
        case "Role" | "ClusterRole":
            return _rules(made) != _rules(there)
        case "RoleBinding" | "ClusterRoleBinding":
            return bool(made["roleRef"] != there.get("roleRef")) or _subjects(made) != _subjects(there)
        case "NetworkPolicy":
            return bool(made["spec"] != there.get("spec"))
        case "Service":
            return not _holds(made["spec"], there.get("spec"))
    return False  # an account has nothing else, and the settings of a bundled Argo are for people to change


def _settings_findings(seen: Snapshot, live: Live) -> Iterator[Finding]:
    """The ConfigMap of settings is what options are remembered by: only where others say them too can it be wrong."""
    name = f"ConfigMap {NAMESPACE}/{SETTINGS}"
    if seen.settings is None:
        if "ConfigMap" not in seen.unreadable:
            yield Finding(
                "settings", "error", f"not there: {name}",
                "Run `ome install` with each --set that it had: those are gone; the rest it takes from what is there.",
            )  # fmt: skip
        return
    has = (seen.settings.get("data") or {}).get(MODELS_ROOT_VARIABLE, "")
    given = installed_root(live) or has
    if not has:
        yield Finding("settings", "error", f"{name} has no {MODELS_ROOT_VARIABLE}", INSTALL)
    elif has != given:
        yield Finding(
            "settings", "error", f"{name} has {MODELS_ROOT_VARIABLE} {has}, and {given} was installed",
            f"`ome install --models-root {given}` as it was; with {has} every model is fetched again.",
        )  # fmt: skip
    else:
        yield well("settings", name)


def _live(seen: Snapshot) -> Live:
    deployments = {
        each["metadata"]["name"]: each for each in seen.deployments if each["metadata"]["namespace"] == NAMESPACE
    }
    steps = (each for each in seen.templates if each["metadata"]["name"] == STEPS_TEMPLATE)
    return Live(seen.settings, deployments.get(CONTROLLER), deployments.get(argo.CONTROLLER), next(steps, None))


def _rules(role: Object) -> set[tuple[tuple[str, frozenset[str]], ...]]:
    """What a role allows, whatever the order."""
    return {
        tuple((key, frozenset(values)) for key, values in sorted(rule.items()) if values)
        for rule in role.get("rules") or ()
    }


def _subjects(binding: Object) -> set[tuple[str, str, str]]:
    return {(each["kind"], each.get("namespace", ""), each["name"]) for each in binding.get("subjects") or ()}


def _holds(made: object, there: object) -> bool:
    """Whether a value has all that is in the one that was made; the API server fills in more."""
    if isinstance(made, dict) and isinstance(there, dict):
        return all(name in there and _holds(value, there[name]) for name, value in made.items())
    if isinstance(made, list) and isinstance(there, list):
        return len(made) == len(there) and all(map(_holds, made, there))
    return made == there


def _named(titles: Sequence[str]) -> str:
    more = f" and {len(titles) - _MOST_NAMED} more" if len(titles) > _MOST_NAMED else ""
    return ", ".join(titles[:_MOST_NAMED]) + more
