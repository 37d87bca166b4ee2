"""genai-bench as a program: where it is, the environment it runs in, and what its exit codes mean.

Called by `steps.benchmark.load`. It lives in its own virtual environment (the image `ome-genai-bench`), because it
needs other versions of nearly everything and patches sockets when imported.
"""

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from images.environment import find_environment
from steps.errors import ClusterError, InvalidInputError, NotFoundError, OmeError

IMAGE: Final = "ome-genai-bench"
PROGRAM: Final = "genai-bench"
_PASSED_ON: Final = re.compile(
    r"HOME|LANG|LC_\w+|TZ|TMPDIR|SSL_CERT_FILE|SSL_CERT_DIR|REQUESTS_CA_BUNDLE|XDG_CACHE_HOME|MPLCONFIGDIR"
    r"|(?:HTTP|HTTPS|ALL|NO)_PROXY",
    re.IGNORECASE,
)
_LOOPBACK: Final = "127.0.0.1,localhost,::1"


def find_genai_bench(path: str | None = None) -> Path:
    """The program: from the image's environment on this machine, else from PATH.

    Args:
        path: Instead of the environment variable PATH.

    Raises:
        NotFoundError: with the remedy.
    """
    environment = find_environment(IMAGE)
    if environment is not None and (environment / "bin" / PROGRAM).exists():
        return environment / "bin" / PROGRAM
    found = shutil.which(PROGRAM, path=path)
    if found is None:
        raise NotFoundError(
            f"{PROGRAM} is not installed: there is no environment {IMAGE} and none on PATH",
            remedy="Run `make quickstart` or `ome benchmark`, which install it, or put genai-bench 0.0.5 on PATH.",
        )
    return Path(found)


def child_environment(program: Path, inherited: Mapping[str, str]) -> dict[str, str]:
    """What genai-bench gets to see: an allow-list, so that no credential of ours reaches its logs.

    The hub's libraries are told to stay offline, the terminal display is off (it runs in the process that measures),
    and the debug log, which has the exact times of every request, is on. An absent netrc keeps its HTTP library from
    replacing the Authorization header.
    """
    kept = {name: value for name, value in inherited.items() if _PASSED_ON.fullmatch(name)}
    exempt = ",".join(filter(None, (inherited.get("NO_PROXY") or inherited.get("no_proxy"), _LOOPBACK)))
    return {
        **kept,
        "PATH": os.pathsep.join((str(program.parent), "/usr/local/bin", "/usr/bin", "/bin")),
        "NO_PROXY": exempt,
        "no_proxy": exempt,
        "NETRC": os.devnull,
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "MPLBACKEND": "Agg",
        "ENABLE_UI": "false",
        "GENAI_BENCH_LOGGING_LEVEL": "DEBUG",
        "PYTHONUNBUFFERED": "1",
        "TERM": "dumb",
        "COLUMNS": "200",
    }


def failure(code: int, lines: Sequence[str], log: str) -> OmeError:
    """The error that an exit of genai-bench without results means.

    Args:
        code: Its exit code; negative for a signal.
        lines: The last lines it printed.
        log: Where the whole log is kept.
    """
    last = _telling_line(lines)
    where = f"See {log}."
    if code == 2:
        return InvalidInputError(f"genai-bench refused its arguments: {last}", remedy=f"Correct the value. {where}")
    if any("is not a local folder" in line or "tokenizer" in line.lower() and "Error" in line for line in lines):
        return InvalidInputError(f"genai-bench could not load the tokenizer: {last}", remedy=where)
    if code in (-9, 137):
        return ClusterError(
            "genai-bench was killed by the system, most likely for want of memory",
            remedy=f"Give it 2 GiB, or measure fewer cells and a lower concurrency at once. {where}",
        )
    if code < 0 or code in (130, 143):
        return ClusterError(f"genai-bench was ended from outside (exit code {code})", remedy=f"Run again. {where}")
    if code == 0:
        return ClusterError("genai-bench ended without the results that were asked for", remedy=where)
    return ClusterError(f"genai-bench failed with exit code {code}: {last}", remedy=where)


def _telling_line(lines: Sequence[str]) -> str:
    """The last line that names an error, else the last line."""
    said = [line.strip() for line in lines if line.strip()]
    telling = [line for line in said if re.match(r"(\w+\.)*\w*(Error|Exception)\b|Error:", line)]
    chosen = (telling or said or ["it printed nothing"])[-1]
    return chosen[:300]
