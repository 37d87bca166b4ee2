"""Asks one runtime whether it can serve a model here: every reason against it, and its best accelerator.

`selector` calls `assess` for each runtime, named by the user or not; all rules are the same for both, except that a
named one need not select automatically.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from crds.accelerator_selector import AcceleratorConstraints
from crds.serving_runtime import AcceleratorModelConfig, ServingRuntimeSpec
from steps.choice import Fit, Parallelism
from steps.facts import Facts
from steps.frozen import Frozen
from steps.selection.accelerators import Supply, refuse_class
from steps.selection.engines import Engine, read_engine
from steps.selection.fit import Placement, Space, place_model
from steps.selection.format_match import EntryMatch, match_formats
from steps.selection.memory import GIB
from steps.selection.policies import Option, choose_option
from steps.selection.request import Runtime, SelectionRequest
from steps.selection.size_range import refuse_size

MAIN_CONTAINER = "ome-container"
Placements = dict[tuple[Engine, Space], Placement]
"""Where one model was placed: most runtimes have the same engine on the same devices."""
_NO_CONFIG, _NO_CONSTRAINTS = AcceleratorModelConfig(), AcceleratorConstraints()
RefusalKind = Literal[
    "adapter", "disabled", "format", "size", "protocol", "auto-select", "accelerator", "program", "fit"
]


class RefusalReason(Frozen):
    """One reason against a runtime: its kind decides the error when nothing is left, the sentence is shown."""

    kind: RefusalKind
    sentence: str


class Assessment(Frozen):
    """All that is known of one runtime for one model.

    Attributes:
        runtime: The runtime.
        match: The entry that matched, None when none did.
        accelerator: Class that it would run on, "" when it asks for none or there is none.
        parallelism: How the model would be spread.
        fit: Whether it fits so.
        refusals: Reasons against it; none makes it a candidate.
        warnings: What is accepted but not exact.
    """

    runtime: Runtime
    match: EntryMatch | None = None
    accelerator: str = ""
    parallelism: Parallelism = Parallelism()
    fit: Fit = Fit(verdict="unknown")
    refusals: tuple[RefusalReason, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def is_candidate(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.refusals

    @property
    def reason(self) -> str:
        """Its refusals as one sentence."""
        return "; ".join(refusal.sentence for refusal in self.refusals)


def assess(
    facts: Facts,
    runtime: Runtime,
    supplies: Mapping[str, Supply],
    request: SelectionRequest,
    unavailable: Mapping[str, str],
    placements: Placements | None = None,
) -> Assessment:
    """Ask one runtime.

    Args:
        facts: The model.
        runtime: The runtime.
        supplies: What there is of each AcceleratorClass, by its name.
        request: What the user asks for.
        unavailable: Runtimes (by label or name) whose program is missing on this machine, and why.
        placements: Where this model was placed for runtimes before this one; what is new is added.
    """
    placements = {} if placements is None else placements
    spec = runtime.spec
    refusals: list[RefusalReason] = []
    if facts.adapter is not None:
        base = facts.adapter.base_model or "an unknown model"
        refusals.append(RefusalReason(kind="adapter", sentence=f"an adapter of {base} is not served by itself"))
    if spec.disabled:
        refusals.append(RefusalReason(kind="disabled", sentence="it is disabled"))
    match, mismatch = match_formats(facts, spec.supported_model_formats, is_named=bool(request.runtime))
    if match is None:
        refusals.append(RefusalReason(kind="format", sentence=mismatch))
    elif not match.is_auto_select and not request.runtime:
        sentence = f"its entry {match.index} matches but has no autoSelect; accepted when the runtime is named"
        refusals.append(RefusalReason(kind="auto-select", sentence=sentence))
    sizes = spec.model_size_range
    size_refusal = refuse_size(facts.parameters.total, sizes.min, sizes.max) if sizes else ""
    if size_refusal:
        refusals.append(RefusalReason(kind="size", sentence=size_refusal))
    protocol_refusal = _refuse_protocol(spec, request.protocol)
    if protocol_refusal:
        refusals.append(RefusalReason(kind="protocol", sentence=protocol_refusal))
    missing = unavailable.get(runtime.label) or unavailable.get(runtime.name)
    if missing:
        refusals.append(RefusalReason(kind="program", sentence=missing))
    option, accelerator_refusal = _find_accelerator(facts, spec, match, supplies, request, placements)
    if accelerator_refusal:
        refusals.append(RefusalReason(kind="accelerator", sentence=accelerator_refusal))
    if option is None:
        unknown = Fit(verdict="unknown", explanation="whether it fits is unknown: it names no accelerator")
        fit = unknown if not accelerator_refusal else Fit(verdict="unknown", explanation=accelerator_refusal)
        return Assessment(
            runtime=runtime, match=match, fit=fit, refusals=tuple(refusals), warnings=match.warnings if match else ()
        )
    parallelism, fit = option.placement
    if request.fit == "enforce" and fit.verdict == "does-not-fit":
        refusals.append(RefusalReason(kind="fit", sentence=fit.explanation))
    return Assessment(
        runtime=runtime,
        match=match,
        accelerator=option.supply.name,
        parallelism=parallelism,
        fit=fit,
        refusals=tuple(refusals),
        warnings=(*(match.warnings if match else ()), *_warnings(facts, spec, option, request)),
    )


def main_container(spec: ServingRuntimeSpec) -> Mapping[str, Any]:
    """The container that serves: the engine's runner, its leader's, or the one called `ome-container`."""
    engine = spec.engine_config
    if engine is not None:
        runner = engine.runner or (engine.leader.runner if engine.leader else None)
        if runner is not None:
            return runner
    containers = [*(engine.containers if engine else ()), *spec.containers]
    return next((c for c in containers if c.get("name") == MAIN_CONTAINER), containers[0] if containers else {})


def engine_on(spec: ServingRuntimeSpec, match: EntryMatch | None, accelerator: str) -> Engine:
    """The runtime's engine as it would run on one class: with the arguments and sizes that the entry gives for it."""
    container = dict(main_container(spec))
    can_span = spec.workers is not None or (spec.engine_config is not None and spec.engine_config.worker is not None)
    config = _config_for(spec, match, accelerator)
    container["args"] = [*(container.get("args") or ()), *config.runtime_args_override]
    overrides = [{"name": name, "value": value} for name, value in config.environment_override.items()]
    container["env"] = [*(container.get("env") or ()), *overrides]
    engine = read_engine(container, can_span_nodes=can_span)
    sizes = config.tensor_parallelism_override
    if sizes is None:
        return engine
    return engine.model_copy(
        update={
            "tensor": sizes.tensor_parallel_size or engine.tensor,
            "pipeline": sizes.pipeline_parallel_size or engine.pipeline,
        }
    )


def required_of_accelerator(spec: ServingRuntimeSpec, request: SelectionRequest) -> tuple[AcceleratorConstraints, ...]:
    """All that must hold of a class: the runtime's requirements and every constraint of the service."""
    asked = spec.accelerator_requirements
    if asked is None:
        return request.constraints
    own = AcceleratorConstraints(
        min_memory=asked.min_memory,
        min_compute_performance_tflops=asked.min_compute_performance_tflops,
        min_architecture_version=asked.min_architecture_version,
        required_features=asked.required_features,
        preferred_precisions=asked.preferred_precisions,
    )
    return (own, *request.constraints)


def _config_for(spec: ServingRuntimeSpec, match: EntryMatch | None, accelerator: str) -> AcceleratorModelConfig:
    if match is None:
        return _NO_CONFIG
    entry = spec.supported_model_formats[match.index]
    return entry.accelerator_config.get(accelerator) or _NO_CONFIG


def _refuse_protocol(spec: ServingRuntimeSpec, protocol: str) -> str:
    spoken = spec.protocol_versions
    if not protocol or not spoken or protocol.casefold() in {word.casefold() for word in spoken}:
        return ""
    return f"it does not speak the protocol {protocol}; it speaks {', '.join(spoken)}"


def _find_accelerator(
    facts: Facts,
    spec: ServingRuntimeSpec,
    match: EntryMatch | None,
    supplies: Mapping[str, Supply],
    request: SelectionRequest,
    placements: Placements,
) -> tuple[Option | None, str]:
    """The accelerator to run on, or why there is none; neither when the runtime asks for none."""
    asked = spec.accelerator_requirements
    listed = tuple(dict.fromkeys(asked.accelerator_classes)) if asked else ()
    constraints = required_of_accelerator(spec, request)
    needs_one = listed or request.accelerator or request.policy or any(c != _NO_CONSTRAINTS for c in constraints)
    if not needs_one:
        return None, ""
    if request.accelerator and listed and request.accelerator not in listed:
        return None, f"it does not support accelerator {request.accelerator}; it supports {', '.join(listed)}"
    names = (request.accelerator,) if request.accelerator else listed or tuple(sorted(supplies))
    options: list[Option] = []
    reasons: dict[str, list[str]] = {}
    for position, name in enumerate(names):
        supply = supplies.get(name)
        why = "no such AcceleratorClass" if supply is None else supply.reason
        if supply is not None and not why:
            why = next((refusal for c in constraints if (refusal := refuse_class(supply, c))), "")
        if supply is not None and not why:
            engine = engine_on(spec, match, name)
            key = (engine, supply.space)
            if key not in placements:
                placements[key] = place_model(
                    facts, supply.space, engine, context=request.context, concurrency=request.concurrency
                )
            option = Option(supply, placements[key], position)
            why = _refuse_memory_per_billion(facts, _config_for(spec, match, name), option)
            if not why:
                options.append(option)
        if why:
            reasons.setdefault(why, []).append(name)
    if len(options) == 1:
        return options[0], ""
    if options:
        return choose_option(options, request.policy, _merge(constraints)), ""
    if not names:
        return None, "it needs an accelerator and there is no AcceleratorClass"
    return None, "it needs an accelerator: " + "; ".join(
        f"{', '.join(named)} ({why})" for why, named in reasons.items()
    )


def _refuse_memory_per_billion(facts: Facts, config: AcceleratorModelConfig, option: Option) -> str:
    least = config.min_memory_per_billion_params
    if not least or not facts.parameters.total or not option.supply.nominal_memory:
        return ""
    needed = least * facts.parameters.total / 1e9
    parallelism = option.placement.parallelism
    has = option.supply.nominal_memory * parallelism.tensor * parallelism.pipeline / GIB
    return "" if has >= needed else f"{has:.0f} GiB there; the entry asks for {needed:.0f} GiB for this model"


def _merge(constraints: Sequence[AcceleratorConstraints]) -> AcceleratorConstraints:
    """The bounds that policies measure against: the highest of each, and the first preferred precisions."""
    return AcceleratorConstraints(
        min_memory=max((c.min_memory for c in constraints if c.min_memory), default=None),
        min_compute_performance_tflops=max(
            (c.min_compute_performance_tflops for c in constraints if c.min_compute_performance_tflops), default=None
        ),
        preferred_precisions=next(
            (c.preferred_precisions for c in reversed(constraints) if c.preferred_precisions), ()
        ),
    )


def _warnings(facts: Facts, spec: ServingRuntimeSpec, option: Option, request: SelectionRequest) -> tuple[str, ...]:
    warnings = []
    fit = option.placement.fit
    if request.fit != "off" and fit.verdict in ("does-not-fit", "tight", "unknown"):
        warnings.append(fit.explanation)
    if facts.context_length and fit.context > facts.context_length:
        warnings.append(f"a context of {fit.context} tokens is beyond the model's {facts.context_length}")
    if not option.is_free:
        supply = option.supply
        warnings.append(f"{option.devices} {supply.name} are needed and {supply.free} are free on one node")
    parallelism = option.placement.parallelism
    spread, space = parallelism.tensor * parallelism.pipeline, option.supply.space
    if spread > space.per_node * space.nodes:
        there = space.per_node * space.nodes
        warnings.append(f"it is set to run on {spread} devices and there are {there} of {option.supply.name}")
    if spec.model_size_range and not facts.parameters.total:
        warnings.append("the model's size is unknown and the runtime bounds it")
    return tuple(warnings)
