"""What a finished step tells a person in half a line, from its recorded outputs."""

import json
from collections.abc import Callable, Mapping

from pipelines.command.output import format_bytes, format_count
from pipelines.run_record import StepRecord

Outputs = Mapping[str, str]


def summarise(record: StepRecord) -> str:
    """The step's result in half a line; "" when its template is unknown."""
    step = record.template.rpartition("/")[2]
    write = _SUMMARIES.get(step)
    return write(record.outputs) if write is not None else ""


def _resolve(outputs: Outputs) -> str:
    size = format_bytes(int(outputs["total_bytes"]))
    return f"revision {outputs['revision'][:12]}, {format_count(int(outputs['file_count']), 'file')}, {size}"


def _parse(outputs: Outputs) -> str:
    facts = json.loads(outputs["facts"])
    quantization = facts.get("quantization") or {}
    parts = [facts["parameterSize"] + " parameters", facts["architecture"], facts["format"]]
    parts += [quantization["method"]] if quantization else []
    parts += [f"context {facts['contextLength']}"] if facts["contextLength"] else []
    return ", ".join(parts)


def _select(outputs: Outputs) -> str:
    choice = json.loads(outputs["choice"])
    on = f" on {choice['accelerator']}" if choice["accelerator"] else ""
    refused = sum(not r["isCandidate"] for r in choice["refused"])
    return f"{choice['runtime']}{on}, {choice['fit']['verdict']}; {format_count(refused, 'runtime')} refused"


def _cache(outputs: Outputs) -> str:
    fetched, reused = int(outputs["fetched_bytes"]), int(outputs["reused_bytes"])
    if fetched == 0:
        return f"nothing to fetch, {format_bytes(reused)} were in the cache or on this disk"
    kept = f", {format_bytes(reused)} were there" if reused else ""
    return f"fetched {format_bytes(fetched)}{kept}"


def _deploy(outputs: Outputs) -> str:
    endpoint = json.loads(outputs["endpoint"])
    return f"{endpoint['url']}" + (" (was running already)" if outputs["reused"] == "true" else "")


def _ask(outputs: Outputs) -> str:
    return f"{format_count(int(outputs['completion_tokens']), 'token')} in {float(outputs['seconds']):.1f} s"


def _benchmark(outputs: Outputs) -> str:
    report = json.loads(outputs["report"])
    requests = sum(cell["requests"] for cell in report["cells"])
    return f"{report['verdict']}, {format_count(requests, 'request')}"


_SUMMARIES: Mapping[str, Callable[[Outputs], str]] = {
    "resolve-model": _resolve,
    "parse-model": _parse,
    "cache-model": _cache,
    "publish-model": lambda outputs: f"model {outputs['model']} is Ready",
    "select-runtime": _select,
    "deploy-service": _deploy,
    "ask-endpoint": _ask,
    "benchmark-endpoint": _benchmark,
}
