"""Whether an entry of a runtime's `supportedModelFormats` matches a model, how well, and if not, why.

As OME, except that what an entry leaves out accepts anything, that versions need not be equal (`version_match`), and
that a score is that of the entry which matched. `candidates` calls it for every entry.
"""

from collections.abc import Sequence
from typing import NamedTuple

from crds.model_format import DiffusionComponent
from crds.serving_runtime import SupportedModelFormat
from steps.facts import Facts
from steps.frozen import Frozen
from steps.selection.version_match import VersionLevel, VersionMatch, match_version

Problem = tuple[str, str]
"""What is wrong, and what would be accepted."""

FORMAT_WEIGHT, FRAMEWORK_WEIGHT = 10, 5
"""What OME counts for a weight of 0."""


class EntryMatch(Frozen):
    """An entry that matches.

    Attributes:
        index: Its place in supportedModelFormats.
        score: Weight of format and framework times priority, as OME computes it.
        specificity: How much the entry names and how exactly its versions match.
        is_auto_select: Whether the entry may be chosen without being named.
        warnings: What is accepted but not exact.
    """

    index: int
    score: int
    specificity: int
    is_auto_select: bool
    warnings: tuple[str, ...] = ()


class Mismatch(NamedTuple):
    """Why an entry does not match, by the first thing that is wrong.

    Attributes:
        stage: How far the comparison came; a higher one is a nearer entry.
        problem: What is wrong, in a clause with the value.
        accepted: What would be right.
    """

    stage: int
    problem: str
    accepted: str = ""


def match_entry(facts: Facts, entry: SupportedModelFormat, index: int = 0) -> EntryMatch | Mismatch:
    """Compare format, architecture, quantization, framework, pipeline and versions, in this order."""
    checks = (_check_format, _check_architecture, _check_quantization, _check_framework, _check_pipeline)
    for stage, check in enumerate(checks):
        found = check(facts, entry)
        if found is not None:
            return Mismatch(stage, *found)
    versions = _match_versions(facts, entry)
    for version in versions:
        if version.level is VersionLevel.REFUSED:
            return Mismatch(len(checks), version.reason, version.accepted)
    named = (
        _format_name(entry), entry.model_framework, entry.model_architecture, entry.quantization,
        entry.diffusion_pipeline,
    )  # fmt: skip
    return EntryMatch(
        index=index,
        score=_score(entry),
        specificity=10 * sum(1 for name in named if name) + sum(int(version.level) for version in versions),
        is_auto_select=bool(entry.auto_select),
        warnings=tuple(version.reason for version in versions if version.reason),
    )


def match_formats(
    facts: Facts, entries: Sequence[SupportedModelFormat], *, is_named: bool
) -> tuple[EntryMatch | None, str]:
    """The best matching entry, or the sentence to say when there is none.

    Args:
        facts: The model.
        entries: The runtime's entries.
        is_named: Whether the user named the runtime; else an entry that selects automatically comes first.
    """
    if not entries:
        return None, "it has no supportedModelFormats"
    results = [match_entry(facts, entry, index) for index, entry in enumerate(entries)]
    matches = [result for result in results if isinstance(result, EntryMatch)]
    if matches:
        return min(matches, key=lambda m: (not (m.is_auto_select or is_named), -m.score, -m.specificity, m.index)), ""
    return None, summarise([result for result in results if isinstance(result, Mismatch)])


def summarise(mismatches: Sequence[Mismatch], most: int = 8) -> str:
    """Entries' mismatches in one sentence: of the entries that came nearest, each problem once with all it accepts."""
    nearest = max(mismatch.stage for mismatch in mismatches)
    problems: dict[str, list[str]] = {}
    for mismatch in mismatches:
        if mismatch.stage == nearest:
            accepted = problems.setdefault(mismatch.problem, [])
            if mismatch.accepted and mismatch.accepted not in accepted:
                accepted.append(mismatch.accepted)
    sentences = []
    for problem, accepted in list(problems.items())[:most]:
        more = f" and {len(accepted) - most} more" if len(accepted) > most else ""
        sentences.append(problem + (f"; accepted: {', '.join(accepted[:most])}{more}" if accepted else ""))
    return "; ".join(sentences)


def canonical(word: str) -> str:
    """Names are the same in any case, with or without hyphens: tensorrt-llm is OME's tensorrtllm."""
    return word.casefold().replace("-", "").replace("_", "")


def _format_name(entry: SupportedModelFormat) -> str:
    return entry.model_format.name if entry.model_format else entry.name


def _check_format(facts: Facts, entry: SupportedModelFormat) -> Problem | None:
    wanted = _format_name(entry)
    if not wanted or canonical(wanted) == canonical(facts.format):
        return None
    return f"format {facts.format} is not supported", wanted


def _check_architecture(facts: Facts, entry: SupportedModelFormat) -> Problem | None:
    if not entry.model_architecture or entry.model_architecture == facts.architecture:
        return None
    return f"architecture {facts.architecture or '(unknown)'} is not supported", entry.model_architecture


def _check_quantization(facts: Facts, entry: SupportedModelFormat) -> Problem | None:
    method = facts.quantization.method if facts.quantization else ""
    if not entry.quantization or canonical(entry.quantization) == canonical(method):
        return None
    return f"quantization {method or '(none)'} is not supported", entry.quantization


def _check_framework(facts: Facts, entry: SupportedModelFormat) -> Problem | None:
    if entry.model_framework is None or canonical(entry.model_framework.name) == canonical(facts.framework):
        return None
    return f"framework {facts.framework or '(unknown)'} is not supported", entry.model_framework.name


def _match_versions(facts: Facts, entry: SupportedModelFormat) -> tuple[VersionMatch, ...]:
    formats, framework = entry.model_format, entry.model_framework
    version = formats.version if formats else ""
    operator = (formats.operator if formats else None) or entry.operator or ""
    of_format = match_version("format", facts.format_version, version or entry.version, operator)
    if framework is None:
        return (of_format,)
    wanted = framework.operator or entry.operator or ""
    return of_format, match_version("framework", facts.framework_version, framework.version, wanted)


def _check_pipeline(facts: Facts, entry: SupportedModelFormat) -> Problem | None:
    """A diffusion pipeline: its class, the components that the entry names, and the keys of additional ones."""
    pipeline = entry.diffusion_pipeline
    if pipeline is None:
        return None
    if not facts.diffusion and facts.format != "diffusers":
        return "the model is no diffusion pipeline", pipeline.class_name or "a pipeline of the named components"
    if pipeline.class_name and pipeline.class_name != facts.architecture:
        return f"pipeline {facts.architecture or '(unknown)'} is not supported", pipeline.class_name
    named: dict[str, DiffusionComponent | None] = {
        "scheduler": pipeline.scheduler,
        "text_encoder": pipeline.text_encoder,
        "tokenizer": pipeline.tokenizer,
        "transformer": pipeline.transformer,
        "vae": pipeline.vae,
    }
    for key, wanted in named.items():
        if wanted is None:
            continue
        has = facts.diffusion.get(key) or (facts.diffusion.get("unet") if key == "transformer" else None)
        accepted = ".".join(word for word in (wanted.library, wanted.type) if word) or "any"
        if has is None:
            return f"the pipeline has no {key}", accepted
        if (wanted.library and wanted.library != has.library) or (wanted.type and wanted.type != has.type):
            return f"{key} {has.library}.{has.type} is not supported", accepted
    missing = sorted(set(pipeline.additional_components) - set(facts.diffusion))
    return (f"the pipeline has no {', '.join(missing)}", "") if missing else None


def _score(entry: SupportedModelFormat) -> int:
    """Weights times priority. OME's CRD fills in a weight of 1, and its selector counts 10 and 5 for an explicit 0."""
    formats, framework = entry.model_format, entry.model_framework
    weight = 1 if formats is None or formats.weight is None else formats.weight or FORMAT_WEIGHT
    if framework is not None:
        weight += 1 if framework.weight is None else framework.weight or FRAMEWORK_WEIGHT
    return weight * (entry.priority or 1)
