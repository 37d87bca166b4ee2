"""What a report says about the things that were measured and the machine that measured.

Gathered by `steps.benchmark_endpoint` once; `describe_facts` is pure.
"""

import contextlib
import os
import platform
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from steps.facts import Facts
from steps.frozen import Frozen


class Surroundings(Frozen):
    """The environment of a benchmark.

    Attributes:
        started_at: ISO 8601, UTC.
        facts: The model's facts in one line, or "".
        tokenizer: Where prompts were shaped: "tokenizer.json" or "GGUF vocabulary".
        cores, memory_bytes: Of the machine that put the load on.
        system: Its operating system and architecture.
        versions: Of the programs involved, by name.
        server: What a person says of the server, in one line, or "".
    """

    started_at: str
    facts: str = ""
    tokenizer: str = ""
    cores: int = 0
    memory_bytes: int = 0
    system: str = ""
    versions: dict[str, str] = {}
    server: str = ""


def describe_facts(facts: Facts) -> str:
    """Such as "llama, 134.52M parameters, gguf q4_1, context 8192"."""
    form = f"{facts.format} {facts.quantization.method}" if facts.quantization else f"{facts.format} {facts.dtype}"
    parts = [facts.architecture or facts.model_type, f"{facts.parameter_size} parameters", form.strip()]
    if facts.context_length:
        parts.append(f"context {facts.context_length}")
    return ", ".join(part for part in parts if part)


def gather(started_at: str, facts: Facts | None, tokenizer: str, program: Path, server: str = "") -> Surroundings:
    """Look at this machine."""
    import psutil

    return Surroundings(
        started_at=started_at,
        facts=describe_facts(facts) if facts else "",
        tokenizer=tokenizer,
        cores=_usable_cores(),
        memory_bytes=psutil.virtual_memory().total,
        system=f"{platform.system()} {platform.machine()}",
        versions=_versions(program),
        server=server,
    )


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 0


def _versions(program: Path) -> dict[str, str]:
    found = {}
    for folder in program.resolve().parent.parent.glob("lib/python*/site-packages/genai_bench-*.dist-info"):
        match = re.fullmatch(r"genai_bench-(.+)\.dist-info", folder.name)
        if match:
            found["genai-bench"] = match.group(1)
    with contextlib.suppress(PackageNotFoundError):
        found["ome-pipelines"] = version("ome-pipelines")
    return found
