"""`ome`: the entry point, and the border where every error becomes a message, a remedy and an exit code."""

import signal
import sys
from typing import Annotated

import typer

from pipelines.command import (
    apply,
    ask,
    benchmark,
    bundle,
    cache,
    delete,
    deploy,
    doctor,
    environments,
    fit,
    get,
    imports,
    install,
    onboard,
    parse,
    quickstart,
    runs,
    runtimes,
    select,
    templates,
    uninstall,
)

app = typer.Typer(
    name="ome",
    help="The life of large language models, as workflows: import, parse, cache, choose, deploy, benchmark.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (
    quickstart, onboard, imports, parse, fit, select, deploy, ask, benchmark, get, apply, delete,
    install, doctor, uninstall,
):  # fmt: skip
    module.register(app)
app.add_typer(cache.app)
app.add_typer(bundle.app)
app.add_typer(runs.app)
app.add_typer(runtimes.app)
app.add_typer(templates.app)
app.add_typer(environments.app)


def _version(value: bool) -> None:
    if value:
        from importlib.metadata import version

        typer.echo(version("ome-pipelines"))
        raise typer.Exit


@app.callback()
def ome(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """The life of large language models, as workflows: import, parse, cache, choose, deploy, benchmark."""


def main() -> None:
    """Run the command line; exit codes are those of `steps.errors`, 2 for wrong usage, 130 after Ctrl-C."""
    from images.environment import EnvironmentProblem
    from pipelines.command.faults import reach_loopback_directly, told_fault
    from steps.errors import OmeError

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    reach_loopback_directly()
    try:
        app()
    except OmeError as error:
        _fail(f"error ({error.code}): {error.message}\n  {error.remedy}", error.exit_code)
    except EnvironmentProblem as error:
        _fail(f"error (environment): {error.message}\n  {error.remedy}", 15)
    except KeyboardInterrupt:  # before Typer takes over, or after
        _fail(_CANCELLED, 130)
    except SystemExit as ended:
        if ended.code == 130:  # what Typer makes of Ctrl-C, without a word
            _fail(_CANCELLED, 130)
        raise
    except Exception as error:  # noqa: BLE001 - the border: no traceback reaches a user
        told = told_fault(error, sys.argv)
        _fail(f"error ({told.code}): {told.message}\n  {told.remedy}", told.exit_code)


_CANCELLED = "cancelled; run the same command again to go on"


def _fail(text: str, code: int) -> None:
    sys.stderr.write(text + "\n")
    sys.exit(code)
