"""A process is gone when nothing of it is left: what it listened on is free then."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from tests.cluster.processes import birth, end

LISTENING = """
import ctypes, os, socket, threading, time

def serve():
    server = socket.create_server(("127.0.0.1", 0))
    print(server.getsockname()[1], flush=True)
    time.sleep(600)

threading.Thread(target=serve).start()
leave = {"x86_64": 60, "aarch64": 93}[os.uname().machine]  # of this thread alone
ctypes.CDLL(None).syscall(leave, 0)
"""


def state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_a_process_whose_first_thread_has_ended_is_not_gone_while_another_listens() -> None:
    with subprocess.Popen([sys.executable, "-c", LISTENING], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            port = int(process.stdout.readline())
            while state(process.pid) != "Z":
                os.sched_yield()
            socket.create_connection(("127.0.0.1", port)).close()
            assert birth(process.pid)
            end({process.pid}, signal.SIGKILL)
            assert birth(process.pid) is None
            socket.create_server(("127.0.0.1", port)).close()
        finally:
            process.kill()
