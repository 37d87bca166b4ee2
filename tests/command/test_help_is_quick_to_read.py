"""Help names every command, and imports nothing heavy to do so."""

import subprocess
import sys

from tests.command.run_ome import ome

COMMANDS = (
    "quickstart onboard import parse fit select deploy ask benchmark get apply delete down cache runs runtimes "
    "templates"
)
HEAVY = ("hera", "pydantic", "aiohttp", "matplotlib", "huggingface_hub", "tokenizers", "rich", "yaml", "psutil")


def test_help_names_every_command() -> None:
    result = ome("--help")
    assert result.returncode == 0
    assert not [c for c in COMMANDS.split() if c not in result.stdout]


def test_every_command_has_a_help_text_and_describes_its_options() -> None:
    for command in COMMANDS.split():
        result = ome(command, "--help")
        assert result.returncode == 0, command
        assert "Usage: ome" in result.stdout.replace("python -m pipelines.command", "ome"), command


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; import pipelines.command.main\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules])"
    )  # fmt: skip
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
