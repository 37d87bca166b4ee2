"""A bounded number of coverage-guided cases; the night run is a million (`tests/parsing/fuzzing.py`)."""

import platform
import subprocess
import sys
from pathlib import Path

RUNS = 2000

if sys.platform == "linux" and platform.machine() == "x86_64":  # what atheris has wheels for, as pyproject.toml says

    def test_fuzzed_files_give_facts_or_classed_errors(tmp_path: Path) -> None:
        command = [
            sys.executable,
            "-m",
            "tests.parsing.fuzzing",
            f"-runs={RUNS}",
            "-seed=1",
            "-timeout=60",
            "-rss_limit_mb=1500",
        ]
        done = subprocess.run(
            [*command, f"-artifact_prefix={tmp_path}/"], cwd=Path(__file__).parents[2], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr[-3000:]
        assert f"Done {RUNS} runs" in done.stderr
