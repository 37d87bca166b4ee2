"""`make bench`: measures beside the alternatives, prints the tables, and writes them into docs/performance.md.

`python -m tests.benchmarks start controller` measures these sections alone; the others stay as they were.
"""

import argparse
import os
import platform
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

from tests.benchmarks import argo_steps, choice, controller, import_speed, parse_cost, start_time, swarm
from tests.benchmarks.table import markdown

DOCUMENT = Path(__file__).parents[2] / "docs" / "performance.md"
HEAD = """# Performance

Written by `make bench`. Compare ratios, not seconds: machines differ.
"""


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Attributes:
        title: Its heading.
        text: What is compared, how, and the targets.
        measure: Gives the table.
    """

    title: str
    text: str
    measure: Callable[[], str]


def _imports() -> str:
    return markdown(import_speed.HEADS, list(import_speed.import_speeds()))


def _starts() -> str:
    return markdown(start_time.HEADS, start_time.start_times())


def _choice() -> str:
    return markdown(choice.HEADS, choice.choice_times())


def _parses() -> str:
    return markdown(parse_cost.HEADS, parse_cost.parse_costs())


def _controller() -> str:
    scale = controller.Scale()
    first, *others = controller.HEADS
    return markdown((first.format(models=scale.models), others[0], others[1]), controller.controller_figures(scale))


def _steps() -> str:
    return markdown(argo_steps.HEADS, argo_steps.argo_steps(os.environ["OME_STEPS_IMAGE"]))


def _swarm() -> str:
    return markdown(swarm.HEADS, swarm.swarm_figures())


SECTIONS: Mapping[str, Section] = {
    "import": Section(
        "Import",
        "The same files from the same local hub, which runs in a process of its own on the same cores. `hf download` "
        "checks\nsizes only; the import and the bare download hash every byte as it arrives. The bare download has no "
        "listing, no\nresume, no admission and no fsync, so it is compared with the import's transfer alone. Medians "
        "of runs taken in turns.",
        _imports,
    ),
    "swarm": Section(
        "Nodes that share a download",
        "As root: `python -m tests.benchmarks swarm`. Every node and the hub is a network namespace of this machine, "
        "with a link of\none rate in each direction. Seconds until the slowest node has the model, each "
        "from its own\nbeginning; then nodes may go on giving to others.",
        _swarm,
    ),
    "start": Section(
        "Start",
        "`ome` imports what a command needs when it needs it. Target: `ome --help` under 0.3 s, a step's start under "
        "0.5 s.",
        _starts,
    ),
    "choice": Section(
        "Choice of a runtime",
        "200 runtimes as OME ships them, each for one model or for any, and a dozen models in turn; runtimes, classes "
        "and nodes\nare read before. Target: a decision under 1 ms.",
        _choice,
    ),
    "parse": Section(
        "Parse",
        "DeepSeek-V3's tensors over HTTP from the test hub, behind a relay that makes every round trip 50 ms. The loop"
        "\nreads every header with two requests, eight files at once, and adds up shapes. Resolving is not counted,"
        "\nbytes are of files, memory is the whole process's.",
        _parses,
    ),
    "controller": Section(
        "Controller",
        "A real API server with Argo's definitions and without Argo; load and controller are processes of their own "
        "on the same\ncores, and so is, on a fresh server after it, a bare list-watch-create loop of 60 lines, which "
        "lists models alone. A\nmodel costs the controller three writes, run, finalizer and status, and the bare loop "
        "one; in a burst the other two\ncome when the runs are submitted. Medians of five starts, of five times 20 s "
        "at the steady rate, and of five bursts.\nAims are for two cores on which the bare loop takes 9 and 28 ms, "
        "makes 356/s, has 70 MB and lists in 0.44 s; what that\nallows against it is the aim for any machine, and the "
        "second one in each line.",
        _controller,
    ),
    "steps": Section(
        "Steps on Argo",
        "On the test cluster: `make cluster-up`, then `KUBECONFIG=… OME_STEPS_IMAGE=localhost/ome-steps:test "
        "python -m tests.benchmarks steps`.\nTarget: at most 1.2 x three bare busybox steps, most of which is Argo's "
        "own time.",
        _steps,
    ),
}
USUAL = ("import", "start", "parse", "choice", "controller")


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    known = ", ".join(SECTIONS)
    parser.add_argument("section", nargs="*", help=f"of {known}; by default {', '.join(USUAL)}")
    names = parser.parse_args().section or USUAL
    if "steps" in names and not os.environ.get("OME_STEPS_IMAGE"):
        parser.error("OME_STEPS_IMAGE: is not set; name the image of steps that the cluster's nodes have")
    if unknown := [name for name in names if name not in SECTIONS]:
        parser.error(f'"{unknown[0]}" is no section; accepted: {known}')
    kept = _sections(DOCUMENT.read_text()) if DOCUMENT.exists() else {}
    for name in names:
        section = SECTIONS[name]
        kept[section.title] = f"## {section.title}\n\n{section.text}\nMeasured on {_machine()}.\n\n{section.measure()}"
        print(kept[section.title])
        ordered = [kept[each.title] for each in SECTIONS.values() if each.title in kept]
        DOCUMENT.write_text("\n".join([HEAD, *ordered]))


def _sections(text: str) -> dict[str, str]:
    found = re.split(r"^(?=## )", text, flags=re.MULTILINE)[1:]
    return {part.partition("\n")[0].removeprefix("## "): part.strip() + "\n" for part in found}


def _machine() -> str:
    memory = psutil.virtual_memory().total / 2**30
    python = platform.python_version()
    date = f"{datetime.now(UTC):%Y-%m-%d}"
    return f"{date} ({psutil.cpu_count()} cores, {memory:.0f} GiB, {platform.system()}, Python {python})"


if __name__ == "__main__":
    main()
