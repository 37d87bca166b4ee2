"""`ome fit`: whether a model would run on some accelerator, with the numbers, before either is there."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from pipelines.command import options
from pipelines.command.output import Output, OutputFormat, plain, print_data, print_pairs, print_table

if TYPE_CHECKING:
    from steps.facts import Facts
    from steps.selection.fit_report import FitReport

GIB = 1024**3
Gpu = Annotated[str, typer.Option("--gpu", help="Accelerator NAME[:COUNT]: h100, a100-80gb:2, mi300x, tpu-v6e, cpu.")]
Nodes = Annotated[int, typer.Option("--nodes", min=1, help="Nodes at most, with as many devices each.")]
Tokens = Annotated[str, typer.Option("--context", help="Tokens a sequence: 8192, 32k, 1M; by default the model's.")]
Sequences = Annotated[int, typer.Option("--concurrency", min=1, help="Sequences at once.")]
EngineName = Annotated[
    Literal["vllm", "sglang", "tgi", "tei", "llama.cpp"] | None,
    typer.Option("--engine", help="By default llama.cpp for GGUF files, and vllm."),
]
KvCache = Annotated[str, typer.Option("--kv-cache-dtype", help="Type of the cache: fp8, int8, q8_0 …")]
Tensor = Annotated[int, typer.Option("--tensor-parallel", min=0, help="Devices that each layer is divided among.")]
Stages = Annotated[int, typer.Option("--pipeline-parallel", min=0, help="Stages that the layers are divided among.")]
Copies = Annotated[int, typer.Option("--data-parallel", min=0, help="Copies of the attention; experts are divided.")]
Experts = Annotated[bool, typer.Option("--expert-parallel", help="Divide whole experts among the devices.")]
Utilisation = Annotated[
    float, typer.Option("--utilisation", min=0.0, max=1.0, help="Share of a device's memory that may be used.")
]
Eager = Annotated[bool, typer.Option("--eager", help="Without CUDA graphs.")]
Adapters = Annotated[int, typer.Option("--adapters", min=0, help="Slots for LoRA adapters.")]
AdapterRank = Annotated[int, typer.Option("--adapter-rank", min=1, help="Rank that each slot has room for.")]
WhatFits = Annotated[
    bool,
    typer.Option("--what-fits", help="With --gpu: contexts and sequences that fit; without: accelerators, by price."),
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(fit)


def fit(
    uri: options.Uri,
    gpu: Gpu = "",
    nodes: Nodes = 1,
    context: Tokens = "",
    concurrency: Sequences = 1,
    engine: EngineName = None,
    kv_cache_dtype: KvCache = "",
    tensor_parallel: Tensor = 0,
    pipeline_parallel: Stages = 0,
    data_parallel: Copies = 0,
    expert_parallel: Experts = False,
    utilisation: Utilisation = 0.0,
    eager: Eager = False,
    adapters: Adapters = 0,
    adapter_rank: AdapterRank = 16,
    what_fits: WhatFits = False,
    revision: options.Revision = "",
    output: Output = OutputFormat.table,
) -> None:
    """Say whether a model fits on an accelerator, and how fast it would be.

    Memory term by term, the smallest layout that fits, estimated speed and cost. Only headers are read.
    """
    from pipelines.command.fit_options import engine_for, known_accelerators, parse_tokens, parse_wanted
    from steps.errors import InvalidInputError
    from steps.selection.accelerator_name import find_accelerator
    from steps.selection.fit import Space
    from steps.selection.fit_report import DEVICES_PER_NODE, capacity, report_fit
    from steps.selection.fit_report import what_fits as list_what_fits

    tokens = parse_tokens(context)
    wanted = parse_wanted(gpu) if gpu else None
    if wanted is None and not what_fits:
        raise InvalidInputError("no accelerator was named", remedy="Name one: --gpu h100, or ask with --what-fits.")
    known = known_accelerators()
    named = find_accelerator(wanted.name, [one.accelerator for one in known]) if wanted else None
    facts = _facts_of(uri, revision)
    if facts.context_length and tokens > facts.context_length:
        raise InvalidInputError(
            f"--context: {tokens:,} tokens are more than the {facts.context_length:,} that the model was made for",
            remedy=f"Give {facts.context_length} at most. A longer one has to stand in the model's config.json.",
        )
    how = engine_for(
        engine,
        facts.format,
        tensor=tensor_parallel,
        pipeline=pipeline_parallel,
        data=data_parallel,
        expert_parallel=expert_parallel,
        kv_cache=kv_cache_dtype,
        utilisation=utilisation,
        eager=eager,
        adapters=adapters,
        adapter_rank=adapter_rank,
        context=tokens,
        sequences=concurrency,
        nodes=nodes,
    )
    title = f"{uri.rstrip('/').rpartition('/')[2]}, {facts.parameter_size} parameters"
    if named is None:
        reports = list_what_fits(
            facts,
            {one.accelerator.name: one.device for one in known if one.device.kind != "cpu"},  # that is this machine
            [one.accelerator for one in known],
            how,
            context=tokens,
            concurrency=concurrency,
            nodes=nodes,
            prices={one.accelerator.name: one.price for one in known},
        )
        if output is not OutputFormat.table:
            print_data([plain(report) for report in reports], output)
        else:
            print_reports(title, reports)
        return
    one = next(one for one in known if one.accelerator == named)
    count = (wanted.devices if wanted else 0) or (1 if one.device.kind == "cpu" else DEVICES_PER_NODE)
    report = report_fit(
        facts,
        named,
        Space(one.device, count, nodes),
        how,
        context=tokens,
        concurrency=concurrency,
        price=one.price,
    )
    held = capacity(facts, one.device, report.parallelism, how) if what_fits else ()
    if output is not OutputFormat.table:
        print_data({**plain(report), **({"capacity": _capacity(held)} if what_fits else {})}, output)
        return
    print_report(title, facts, report)
    if what_fits:
        rows = [(f"{long:,}", f"{many:,}") for long, many in held]
        typer.echo("")
        print_table(("TOKENS A SEQUENCE", "SEQUENCES AT ONCE"), rows or [("none", "0")])


def print_report(title: str, facts: "Facts", report: "FitReport") -> None:
    """Print one report: the verdict, the terms, and what it would do and cost."""
    fit, speed = report.fit, report.speed
    print_pairs(
        [
            ("verdict", _verdict(report)),
            ("on", f"{_devices(report)}, {report.engine}"),
            ("for", f"{fit.concurrency:,} x {fit.context:,} tokens"),
            ("why", "" if fit.verdict in ("fits", "tight") else fit.explanation.partition(": ")[2]),
            ("not exact", "; ".join(fit.explanation.split("; ")[2:]) if fit.confidence == "estimated" else ""),
        ],
        title=title,
    )
    if fit.needed:
        typer.echo("")
        print_table(("ON EACH DEVICE", "GIB", "OF IT"), _terms(facts, report))
    typer.echo("")
    print_pairs(
        [
            ("at most", _at_most(report)),
            ("decoding", _rate(speed.decode, speed.error, "tokens/s in all") if speed else ""),
            ("each", _rate(speed.decode_each, speed.error, f"tokens/s; {speed.bound} bounds it") if speed else ""),
            ("prompts", _rate(speed.prefill, speed.error, "tokens/s") if speed else ""),
            ("speed", "" if speed else "unknown: the accelerator class gives no bandwidth, or no rate"),
            ("price", _price(report)),
        ]
    )


def print_reports(title: str, reports: Sequence["FitReport"]) -> None:
    """Print what fits, cheapest first."""
    rows = [
        (
            f"{report.parallelism.devices} x {report.accelerator}",
            report.fit.verdict,
            f"{report.margin / GIB:.0f}",
            f"{report.dollars_per_hour:.2f}" if report.dollars_per_hour is not None else "",
            f"{report.speed.decode:,.0f}" if report.speed else "",
            _dollars(report),
        )
        for report in reports
    ]
    if not rows:
        typer.echo(f"{title}\n  nothing fits; ask for a shorter --context, fewer sequences, or more --nodes")
        return
    print_table(("ACCELERATORS", "VERDICT", "SPARE GIB", "$/HOUR", "TOKENS/S", "$/M TOKENS"), rows, title=title)


def _facts_of(uri: str, revision: str) -> "Facts":
    """Facts from headers, as `ome parse` gets them."""
    from pipelines.command.model_name import checked_uri
    from pipelines.command.pipeline import output_of, run_pipeline
    from steps.facts import Facts

    record = run_pipeline("parse-model", {"uri": checked_uri(uri), "revision": revision})
    return Facts.model_validate(json.loads(output_of(record, "parse-model", "facts")))


def _verdict(report: "FitReport") -> str:
    fit = report.fit
    if not fit.available:
        return fit.verdict
    left = f"{abs(report.margin) / GIB:.1f} GiB {'to spare' if report.margin >= 0 else 'too little'}"
    return f"{fit.verdict}, {left} ({abs(report.margin) / fit.available:.0%}), {fit.confidence}"


def _devices(report: "FitReport") -> str:
    from pipelines.command.select import describe_parallelism

    layout = describe_parallelism(plain(report.parallelism))
    return f"{report.parallelism.devices} x {report.accelerator}{f' ({layout})' if layout else ''}"


def _terms(facts: "Facts", report: "FitReport") -> list[tuple[str, str, str]]:
    """The terms of memory, their sum, and what there is."""
    fit = report.fit
    method = facts.quantization.method if facts.quantization else facts.dtype
    terms = [
        (f"weights ({method})" if method else "weights", fit.weights),
        ("KV cache and state", fit.kv_cache),
        ("activations", fit.activations),
        ("CUDA graphs", fit.cuda_graphs),
        ("adapters", fit.adapters),
        ("the engine itself", fit.overhead),
        ("needed", fit.needed),
        ("usable", fit.available),
    ]
    return [(name, f"{size / GIB:8.2f}", f"{size / fit.available:4.0%}") for name, size in terms if size]


def _at_most(report: "FitReport") -> str:
    fit = report.fit
    if not report.largest_concurrency and not report.largest_context:
        return "nothing fits here"
    return (
        f"{report.largest_context:,} tokens for {fit.concurrency:,} at once, or "
        f"{report.largest_concurrency:,} at once of {fit.context:,} tokens"
    )


def _rate(value: float, error: float, unit: str) -> str:
    """An estimate with what it may be: `about 95 (48 to 143) tokens/s`."""
    return f"about {value:,.0f} ({value * (1 - error):,.0f} to {value * (1 + error):,.0f}) {unit}"


def _price(report: "FitReport") -> str:
    if report.dollars_per_hour is None:
        return "unknown: spec.cost.perHour of the accelerator class is not set"
    cost = _dollars(report)
    whose = f" ({report.price})" if report.price else ""
    return f"${report.dollars_per_hour:.2f} an hour{f', ${cost} a million tokens' if cost else ''}{whose}"


def _dollars(report: "FitReport") -> str:
    speed = report.speed
    return f"{speed.dollars_per_million:.2f}" if speed and speed.dollars_per_million is not None else ""


def _capacity(held: Sequence[tuple[int, int]]) -> list[dict[str, int]]:
    return [{"context": tokens, "concurrency": many} for tokens, many in held]
