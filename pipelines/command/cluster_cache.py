"""`ome cache … --cluster`: the caches of a cluster's nodes, from what is published, or by a run that goes there.

`list` and `du` read what the controller writes; `verify` and `prune` submit the pipeline `audit-cache` and follow it.
"""

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pipelines.command.output import OutputFormat, format_bytes, format_count, plain, print_data, print_table

if TYPE_CHECKING:
    from pipelines.audit_run import AuditRun, NodeAudit
    from pipelines.command.console import RunConsole
    from pipelines.install.connection import InstallApi
    from pipelines.node_caches import NodeCache

_NO_REST_DAYS = 36500
"""So that verifying removes no download: the pipeline collects garbage with every run."""
_DAY_SECONDS = 86400
_UNKNOWN = "?"


def list_on_cluster(api: "InstallApi", output: OutputFormat) -> None:
    """Print which models each node holds."""
    caches = _caches(api)
    if output is not OutputFormat.table:
        print_data({"nodes": [plain(cache) for cache in caches]}, output)
        return
    rows = [
        (c.node, m.model.partition("/")[2] or m.model, m.revision[:12], _size(m.bytes), m.state)
        for c in caches
        for m in c.models
    ]
    if not rows:
        typer.echo("No node holds a model yet. `kubectl apply` of a ClusterBaseModel brings one; `ome doctor` checks.")
        return
    print_table(("NODE", "MODEL", "REVISION", "SIZE", "STATE"), rows)
    _tell_unknown(caches)


def du_on_cluster(api: "InstallApi", output: OutputFormat) -> None:
    """Print what the models of each node take."""
    caches = _caches(api)
    if output is not OutputFormat.table:
        total = sum(cache.bytes for cache in caches)
        print_data({"nodes": [plain(cache) for cache in caches], "bytes": total}, output)
        return
    rows = [
        (c.node, len(c.models), format_bytes(c.bytes) + (f" and {c.unknown} not known" if c.unknown else ""))
        for c in caches
    ]
    print_table(("NODE", "MODELS", "BYTES"), [*rows, ("total", "", format_bytes(sum(c.bytes for c in caches)))])
    _tell_unknown(caches)
    typer.echo(
        "\nThese are the models' own sizes. Files that two models share, downloads, leftovers and free space are "
        "known on a node only: `ome cache du` there says them, with OME_MODELS_ROOT set to its models root."
    )


def verify_on_cluster(
    api: "InstallApi", *, nodes: Sequence[str], is_repairing: bool, secret: str, output: OutputFormat
) -> None:
    """Have nodes hash their models, and print what each found.

    Raises:
        OmeError: of the class of the first node's failure.
    """
    asked = {"damaged": "repair" if is_repairing else "report", "rest_days": str(_NO_REST_DAYS)}
    _audit(api, asked | _chosen(nodes, secret), output)


def prune_on_cluster(
    api: "InstallApi",
    *,
    nodes: Sequence[str],
    rest_seconds: float,
    is_dry_run: bool,
    is_sure: bool,
    output: OutputFormat,
) -> None:
    """Have nodes remove what nothing needs, and print what each has freed.

    Raises:
        InvalidInputError: when the time is not in whole days, or nobody can be asked.
        OmeError: of the class of the first node's failure.
    """
    from steps.errors import InvalidInputError

    if rest_seconds % _DAY_SECONDS:
        raise InvalidInputError(
            "--older-than: on a cluster it is in whole days", remedy="Write 1d, 7d or 4w; 0d for all."
        )
    days = int(rest_seconds // _DAY_SECONDS)
    places = ", ".join(nodes or [cache.node for cache in _caches(api) if cache.models]) or "no node: none has models"
    typer.echo(
        f"The pipeline audit-cache goes to {places}. It hashes every file of the models there, which takes its time, "
        f"removes downloads that have rested for {format_count(days, 'day')}, files that no model has and leftovers, "
        "and reports damage without mending it. Models stay.",
        err=True,
    )
    if is_dry_run:
        typer.echo(
            "nothing was submitted (--dry-run); what would go is known on a node only: "
            "`ome cache prune --dry-run` there",
            err=True,
        )
        return
    if not is_sure:
        if not sys.stdin.isatty():
            raise InvalidInputError("this removes files on nodes", remedy="Give --yes to have it done.")
        typer.confirm("Go on?", abort=True, err=True)
    _audit(api, {"damaged": "report", "rest_days": str(days)} | _chosen(nodes, ""), output)


def _caches(api: "InstallApi") -> "tuple[NodeCache, ...]":
    from crds.labels import NODE_STATUS
    from pipelines.install.connection import RESOURCE_TYPES
    from pipelines.install.options import NAMESPACE
    from pipelines.node_caches import node_caches

    models = [each for kind in ("ClusterBaseModel", "BaseModel") for each in api.all(kind)]
    config_maps = api.list(RESOURCE_TYPES["ConfigMap"], NAMESPACE, labels=f"{NODE_STATUS}=true")
    return node_caches(config_maps, models)


def _size(count: int | None) -> str:
    return _UNKNOWN if count is None else format_bytes(count)


def _tell_unknown(caches: "Sequence[NodeCache]") -> None:
    """Which sizes are not known, why, and who knows them."""
    nodes = [cache.node for cache in caches if cache.unknown]
    if nodes:
        typer.echo(
            f"\nSizes that are not known, on {', '.join(nodes)}: the model is still coming, or its resource has "
            "another revision or is gone. `ome cache list` on the node says them."
        )


def _chosen(nodes: Sequence[str], secret: str) -> dict[str, str]:
    chosen = {"nodes": json.dumps(list(nodes))} if nodes else {}
    return chosen | ({"secret": secret} if secret else {})


def _audit(api: "InstallApi", arguments: dict[str, str], output: OutputFormat) -> None:
    from pipelines.audit_run import follow_audit, submit_audit
    from pipelines.command.console import RunConsole
    from pipelines.install.options import NAMESPACE

    name, was_there = submit_audit(api, arguments)
    typer.echo(
        f"run {name} in namespace {NAMESPACE} {'is at work already' if was_there else 'is submitted'}; it goes on "
        "when this command ends",
        err=True,
    )
    with RunConsole() as console:
        run = follow_audit(api, name, _Follower(console).listen)
    if output is OutputFormat.table:
        _print_run(run)
    else:
        print_data(plain(run), output)
    _raise_failure(run)


class _Follower:
    """Draws a run as the steps of a run on this machine are drawn."""

    def __init__(self, console: "RunConsole") -> None:
        self._console = console
        self._first: dict[str, tuple[float, int]] = {}

    def listen(self, run: "AuditRun") -> None:
        """Draw how far each node is."""
        for node in run.nodes:
            if node.phase == "Running" and node.total:
                self._draw(node)

    def _draw(self, node: "NodeAudit") -> None:
        from pipelines.run_events import StepProgress, StepStarted
        from steps.progress import Progress

        now = time.monotonic()
        if node.node not in self._first:
            self._first[node.node] = now, node.completed
            self._console.listen(StepStarted(path=node.node, title=node.node, attempt=1, log=Path()))
        began, before = self._first[node.node]
        rate = max(0, node.completed - before) / (now - began) if now > began else 0.0
        moment = Progress(phase="auditing", completed=node.completed, total=node.total, rate=rate)
        self._console.listen(StepProgress(path=node.node, title=node.node, progress=moment))


def _print_run(run: "AuditRun") -> None:
    if not run.nodes:
        typer.echo(f"run {run.run} went to no node: none has models, or those that have take no pods.")
        return
    columns = ("NODE", "RESULT", "MODELS", "HASHED", "FAULTS", "MENDED", "FETCHED", "FREED")
    print_table(columns, [_row(node) for node in run.nodes])
    for node in run.nodes:
        if node.error is not None:
            typer.echo(f"\n{node.node}: {node.error.message}\n  {node.error.remedy}")


def _row(node: "NodeAudit") -> tuple[str, ...]:
    """A failed step tells no numbers: only its message says what was wrong."""
    numbers = (node.models, node.faults, node.mended)
    models, faults, mended = (_UNKNOWN if number is None else str(number) for number in numbers)
    result = node.error.code if node.error is not None else node.phase.lower()
    hashed, fetched, freed = map(_size, (node.hashed_bytes, node.fetched_bytes, node.freed_bytes))
    return node.node, result, models, hashed, faults, mended, fetched, freed


def _raise_failure(run: "AuditRun") -> None:
    """Raise why a run did not succeed: the first node's failure, and how many more have failed."""
    from pipelines.audit_run import TEMPLATE
    from steps.errors import ClusterError

    if run.phase == "Succeeded":
        return
    failures = [node.error for node in run.nodes if node.error is not None] or ([run.error] if run.error else [])
    if failures:
        more = f" (and {format_count(len(failures) - 1, 'more node')})" if len(failures) > 1 else ""
        raise failures[0].as_error(more)
    raise ClusterError(
        f"run {run.run} of {TEMPLATE} ended as {run.phase}: {run.message or 'Argo says no more'}",
        remedy=f"kubectl describe workflow -n ome {run.run}",
    )
