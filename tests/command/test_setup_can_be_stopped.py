"""Set-up that is stopped leaves no installer and no compiler running."""

import signal
import subprocess
import sys
from pathlib import Path

from tests.pipelines.workflows import is_running, wait_until

INSTALL = """
import sys
from pathlib import Path
from images.environment import run_logged
folder = sys.argv[1]
compile = f"sleep 600 & echo $! $$ > {folder}/part; mv {folder}/part {folder}/pids; wait"
run_logged(["sh", "-c", compile], Path(folder) / "log")
"""


def test_ctrl_c_ends_the_installer_and_what_it_started(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", INSTALL, str(tmp_path)], stderr=subprocess.PIPE)
    wait_until((tmp_path / "pids").exists)
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    assert all(is_running(pid) for pid in pids)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    wait_until(lambda: not any(is_running(pid) for pid in pids))
