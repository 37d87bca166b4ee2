"""A component of a service (engine, decoder, router): the runtime's configuration with the service's laid over it.

Pure. Called by `plan` and by `cluster`, and by `program` for a runtime alone. Order, later wins: runtime,
accelerator's overrides for the entry that matched, parallelism, context, service. `args` of the service extend and
override flag by flag, unless its annotation `ome.io/args: replace` says otherwise.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from steps.choice import Choice
from steps.errors import InvalidInputError
from steps.serving.arguments import is_shell_script, merge_arguments, set_parallelism
from steps.serving.context import set_context
from steps.serving.fields import mapping_at, mappings_at, text_at, texts_at
from steps.serving.strategic_merge import merge

ComponentName = Literal["engine", "decoder", "router"]

MAIN_CONTAINER = "ome-container"
ARGUMENTS_ANNOTATION = "ome.io/args"
_INLINE_POD_FIELDS = (
    "containers", "initContainers", "volumes", "nodeSelector", "affinity", "tolerations", "labels", "annotations",
    "imagePullSecrets", "schedulerName", "hostIPC", "hostNetwork", "dnsPolicy", "terminationGracePeriodSeconds",
)  # fmt: skip


@dataclass(frozen=True)
class Component:
    """A merged component.

    Attributes:
        container: The main container.
        others: Further containers of the pod.
        pod: Everything else of the component: pod fields, replicas, leader and worker.
        warnings: What was accepted but has no effect, in sentences.
    """

    container: dict[str, Any]
    others: tuple[dict[str, Any], ...] = ()
    pod: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def merge_engine(runtime_spec: Mapping[str, Any], service: Mapping[str, Any], choice: Choice) -> Component:
    """The engine that a service runs on a runtime; see `merge_component`."""
    return merge_component(runtime_spec, service, choice, "engine")


def merge_component(
    runtime_spec: Mapping[str, Any], service: Mapping[str, Any], choice: Choice, name: ComponentName
) -> Component:
    """One component as a service runs it on a runtime. A router has no model, so no choice changes it.

    Args:
        runtime_spec: `spec` of a (Cluster)ServingRuntime.
        service: The InferenceService.
        choice: The runtime's choice: which entry matched, the accelerator, the parallelism.
        name: Which component.

    Raises:
        InvalidInputError: for a field of a wrong shape, no container, or arguments that cannot be merged.
    """
    where = f"spec.{name}"
    component = mapping_at(mapping_at(service, "spec", "InferenceService"), name, "spec")
    if name == "engine":
        base = runtime_engine(runtime_spec)
    else:
        base = _split(mapping_at(runtime_spec, f"{name}Config", "spec"), f"spec.{name}Config", MAIN_CONTAINER)
    change = _split(component, where, base.container["name"])
    is_chosen_for = name != "router"
    overridden, warnings = (
        _with_choice(base.container, runtime_spec, choice) if is_chosen_for else (base.container, ())
    )
    annotations = mapping_at(mapping_at(service, "metadata", "InferenceService"), "annotations", "metadata")
    container = merge(overridden, change.container)
    is_replacing = text_at(annotations, ARGUMENTS_ANNOTATION, "metadata.annotations") == "replace"
    if "args" in change.container and not is_replacing:
        container["args"] = list(_merged_arguments(overridden, change.container))
    if len(container) <= 1:
        raise InvalidInputError(
            f"{where}: neither the service nor runtime {choice.runtime} says which container to run",
            remedy=f"Give {where}.runner, or choose a runtime with {name}Config.",
        )
    merged = merge({**base.pod, "containers": list(base.others)}, {**change.pod, "containers": list(change.others)})
    return Component(container, tuple(merged.pop("containers")), merged, warnings)


def runtime_engine(runtime_spec: Mapping[str, Any]) -> Component:
    """A runtime's own engine: `engineConfig`, or the pod fields that older runtimes have at the top.

    Raises:
        InvalidInputError: when it names no container.
    """
    config = mapping_at(runtime_spec, "engineConfig", "spec")
    where = "spec.engineConfig" if config else "spec"
    component = config or {key: runtime_spec[key] for key in _INLINE_POD_FIELDS if key in runtime_spec}
    engine = _split(component, where, MAIN_CONTAINER)
    if len(engine.container) <= 1:
        raise InvalidInputError(
            f"runtime: {where} has no container",
            remedy=f"Give {where}.runner, or a container named {MAIN_CONTAINER} in {where}.containers.",
        )
    return engine


def _split(component: Mapping[str, Any], where: str, main_name: str) -> Component:
    """A component as its main container, its other containers, and the rest."""
    runner = mapping_at(component, "runner", where)
    containers = mappings_at(component, "containers", where)
    name = text_at(runner, "name", f"{where}.runner") or main_name
    names = [text_at(container, "name", f"{where}.containers") for container in containers]
    if not runner and name not in names and len(containers) == 1:
        name = names[0] or main_name
    main: dict[str, Any] = {"name": name}
    others = []
    for container, its_name in zip(containers, names, strict=True):
        if (its_name or main_name) == name:
            main = merge(main, container)
        else:
            others.append(container)
    pod = {key: value for key, value in component.items() if key not in ("runner", "containers")}
    return Component(merge(main, runner) | {"name": name}, tuple(others), pod)


def _with_choice(
    container: dict[str, Any], runtime_spec: Mapping[str, Any], choice: Choice
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The runtime's container as the choice asks: its accelerator, its parallelism, its context."""
    changed, warnings = _with_accelerator(container, runtime_spec, choice)
    if choice.context:
        changed, is_kept = set_context(changed, choice.context)
        if not is_kept:
            said = (
                f"a context of {choice.context} tokens was asked for, but runtime {choice.runtime} has no flag for it"
            )
            warnings = (*warnings, said)
    return changed, warnings


def _with_accelerator(
    container: dict[str, Any], runtime_spec: Mapping[str, Any], choice: Choice
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The runtime's container with what its matched entry and the parallelism say for the chosen accelerator."""
    if not choice.accelerator:
        return container, ()
    entries = mappings_at(runtime_spec, "supportedModelFormats", "spec")
    where = f"spec.supportedModelFormats[{choice.matched_entry}]"
    entry = entries[choice.matched_entry] if choice.matched_entry < len(entries) else {}
    config = mapping_at(
        mapping_at(entry, "acceleratorConfig", where), choice.accelerator, f"{where}.acceleratorConfig"
    )
    overrides = mapping_at(config, "environmentOverride", where)
    changed = merge(container, {"env": [{"name": name, "value": value} for name, value in overrides.items()]})
    arguments = texts_at(config, "runtimeArgsOverride", where)
    if arguments:
        changed["args"] = list(_merged_arguments(changed, {"args": list(arguments)}))
    with_sizes, in_arguments = set_parallelism(texts_at(changed, "args", "args"), choice.parallelism)
    command, in_command = set_parallelism(texts_at(changed, "command", "command"), choice.parallelism)
    if in_arguments:
        changed["args"] = list(with_sizes)
    elif in_command:
        changed["command"] = list(command)
    sizes = choice.parallelism.model_dump()
    mentions_size = "PARALLELISM_SIZE" in str(changed)
    warnings = tuple(
        f"{kind} parallelism {size} was chosen, but runtime {choice.runtime} has no flag for it"
        for kind, size in sizes.items()
        if size > 1 and kind not in in_arguments | in_command and not mentions_size
    )
    return changed, warnings


def _merged_arguments(base: Mapping[str, Any], change: Mapping[str, Any]) -> tuple[str, ...]:
    command = texts_at({**base, **change}, "command", "command")
    if is_shell_script(command) and texts_at(base, "args", "args"):
        raise InvalidInputError(
            f"args: {' '.join(command)} runs a script, into which single flags cannot be merged",
            remedy=f"Give the whole script in args and annotate the service with {ARGUMENTS_ANNOTATION}: replace.",
        )
    return merge_arguments(texts_at(base, "args", "args"), texts_at(change, "args", "args"))
