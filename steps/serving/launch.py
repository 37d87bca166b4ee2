"""The launch plan: all that a supervisor needs to start an engine, as data in the deployment's folder.

Made by `plan`, read by `supervisor`. Its digest tells whether a running engine is still the one that is asked for.
"""

import hashlib
from collections.abc import Mapping

from steps.frozen import Frozen
from steps.serving.expansion import expand_variables
from steps.serving.probe import Probe


class Variable(Frozen):
    """One environment variable; its value may refer to variables before it."""

    name: str
    value: str


class LaunchPlan(Frozen):
    """An engine's command before its port is known.

    Attributes:
        service, namespace, model, revision, runtime, image: What it serves, and what it came from.
        command, arguments: With `$(VAR)` not yet expanded.
        environment: In order, HOST, MODEL_PATH and the like among them; PORT is added at the start.
        programs: Folder whose programs go first on PATH (the image's environment), or "".
        fixed_port: The port that the runtime insists on, or 0 when it takes the one it is given.
        startup: Must be well once before `readiness` is asked.
        readiness: Must be well for requests to come.
        liveness: When it fails the engine is started again.
        grace_seconds: Between the polite signal and the other one.
    """

    service: str
    namespace: str
    model: str
    model_path: str
    revision: str
    runtime: str
    image: str
    served_name: str
    command: tuple[str, ...]
    arguments: tuple[str, ...] = ()
    environment: tuple[Variable, ...] = ()
    programs: str = ""
    fixed_port: int = 0
    startup: Probe | None = None
    readiness: Probe = Probe()
    liveness: Probe | None = None
    grace_seconds: int = 10

    @property
    def digest(self) -> str:
        """sha256 (hex) over everything in the plan."""
        return hashlib.sha256(self.model_dump_json(by_alias=True).encode()).hexdigest()


def resolve_environment(plan: LaunchPlan, port: int) -> dict[str, str]:
    """The engine's own variables, each expanded with those before it; the last of a name counts."""
    resolved = {"PORT": str(port)}
    for variable in plan.environment:
        resolved[variable.name] = expand_variables(variable.value, resolved)
    return resolved


def resolve_command(plan: LaunchPlan, environment: Mapping[str, str]) -> list[str]:
    """Program and arguments with their variables expanded."""
    return [expand_variables(word, environment) for word in (*plan.command, *plan.arguments)]


def process_environment(plan: LaunchPlan, own: Mapping[str, str], inherited: Mapping[str, str]) -> dict[str, str]:
    """What the engine's process gets: its own variables over the few of ours that a program needs on this machine.

    Tokens and the settings of the step that deployed it stay behind.
    """
    kept = {name: value for name, value in inherited.items() if name in _KEPT or name.startswith(_KEPT_PREFIXES)}
    path = own.get("PATH") or inherited.get("PATH", "")
    kept |= {"PYTHONUNBUFFERED": "1", **own}
    kept["PATH"] = ":".join(part for part in (plan.programs, path) if part)
    return kept


_KEPT = frozenset({
    "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH",
    "DYLD_FALLBACK_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR",
})  # fmt: skip
_KEPT_PREFIXES = ("LC_", "CUDA_", "NVIDIA_", "HIP_", "ROCR_", "OMP_", "ZE_", "ONEAPI_")
