"""`ome runs`: what ran on this machine, the logs of its steps, and going on after a failure."""

from typing import Annotated

import typer

from pipelines.command.output import Output, OutputFormat, format_seconds, plain, print_data, print_pairs, print_table

app = typer.Typer(name="runs", help="Runs of pipelines: list, show, logs, retry.")

Run = Annotated[str, typer.Argument(help="Name of a run from `ome runs list`.")]


@app.command("list")
def list_runs(
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many, the newest first.")] = 20,
    output: Output = OutputFormat.table,
) -> None:
    """List runs, the newest first."""
    from pipelines import run_record

    records = run_record.list_runs()[:limit]
    if output is OutputFormat.table:
        print_table(
            ("RUN", "PIPELINE", "PHASE", "STARTED", "TOOK"),
            [
                (r.run, r.template, r.phase, r.started.astimezone().strftime("%Y-%m-%d %H:%M:%S"),
                 format_seconds(r.seconds) if r.finished else "")
                for r in records
            ],
        )  # fmt: skip
    else:
        print_data([plain(record) for record in records], output)


@app.command()
def show(run: Run, output: Output = OutputFormat.table) -> None:
    """Show a run: its steps, their times, and why it failed."""
    from pipelines.run_record import read_run

    record = read_run(run)
    if output is not OutputFormat.table:
        print_data(plain(record), output)
        return
    print_pairs([("run", record.run), ("pipeline", record.template), ("phase", record.phase), ("", record.message)])
    typer.echo("")
    print_table(
        ("STEP", "PHASE", "TOOK", "ATTEMPTS", "ERROR"),
        [
            (s.path, s.phase, format_seconds(s.seconds), len(s.attempts), s.error.message if s.error else s.message)
            for s in record.steps
        ],
    )


@app.command()
def logs(run: Run, step: Annotated[str, typer.Argument(help="A step, as `ome runs show` names it.")]) -> None:
    """Print the log of a step's last attempt."""
    from pipelines.run_record import read_log, read_run

    typer.echo(read_log(read_run(run), step), nl=False)


@app.command()
def retry(run: Run, output: Output = OutputFormat.table) -> None:
    """Go on with a run that did not succeed.

    It failed, was cancelled or was killed; its steps that succeeded are kept.
    """
    from pipelines.command.onboard import print_onboarded
    from pipelines.command.pipeline import retry_pipeline
    from pipelines.command.quickstart import hub_of

    with hub_of(run):
        record = retry_pipeline(run)
    if record.template == "onboard-model":
        print_onboarded(record, output)
    elif output is OutputFormat.table:
        print_pairs([("run", record.run), ("phase", record.phase), ("took", format_seconds(record.seconds))])
    else:
        print_data(plain(record), output)
