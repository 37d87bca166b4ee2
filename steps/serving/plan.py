"""From resources to a launch plan: what an InferenceService on its chosen runtime means as a command of this machine.

Pure but for looking up the model's folder and the runtime's program. Called by `deploy`.
"""

import os
import platform
from pathlib import Path
from typing import Any

import psutil

from steps.choice import Choice
from steps.errors import InvalidInputError, NotFoundError, UnsupportedError
from steps.frozen import Frozen
from steps.resources import Resource
from steps.serving.component import Component, merge_engine
from steps.serving.container import (
    LOOPBACK,
    Machine,
    ServiceIdentity,
    filled_words,
    fixed_port,
    local_cpus,
    render_environment,
)
from steps.serving.expansion import variables_in
from steps.serving.fields import integer_at, mapping_at, mappings_at, text_at
from steps.serving.launch import LaunchPlan
from steps.serving.model_arguments import NO_HINTS, ModelHints, with_model_arguments
from steps.serving.probe import Probe, read_probe
from steps.serving.program import find_programs, missing_program_of

GRACE_SECONDS = 8
_HARMLESS_VOLUMES = frozenset({"name", "emptyDir", "hostPath"})
_LOCAL_MODES = frozenset({"", "RawDeployment"})


class ServedModel(Frozen):
    """The model as an engine sees it.

    Attributes:
        name: Of its resource.
        path: Its folder.
        weight_file: The first of its weight files, relative to the folder, or "".
        revision: What it is pinned to.
        hints: What its facts say for an engine's arguments.
    """

    name: str
    path: str
    weight_file: str = ""
    revision: str = ""
    hints: ModelHints = NO_HINTS


def make_plan(
    service: Resource, runtime: Resource, model: ServedModel, choice: Choice, machine: Machine
) -> tuple[LaunchPlan, tuple[str, ...]]:
    """The launch plan, and what was accepted but has no effect on one machine.

    Args:
        service: The InferenceService.
        runtime: The chosen (Cluster)ServingRuntime.
        model: What is served.
        choice: Why this runtime, on which accelerator, how spread.
        machine: What this machine has.

    Raises:
        UnsupportedError: for what needs a cluster.
        InvalidInputError: for a field of a wrong shape.
        NotFoundError: when the engine's program is not on this machine.
    """
    runtime_spec = mapping_at(runtime, "spec", "runtime")
    engine = merge_engine(runtime_spec, service, choice)
    _refuse_what_needs_a_cluster(service, engine)
    container = with_model_arguments(engine.container, model.hints)
    problem = missing_program_of(container)
    if problem is not None:
        raise NotFoundError(f"runtime {choice.runtime}: {problem}", remedy="Install it, or choose another runtime.")
    identity = _identity(service, choice, model)
    added = _added_variables(container, model, choice, machine)
    environment = render_environment(container, added, identity, machine)
    command, arguments = filled_words(container, "command", identity), filled_words(container, "args", identity)
    words = (*command, *arguments)
    _refuse_missing_weight_file(words, {variable.name for variable in environment}, model)
    image = text_at(container, "image", "container")
    programs = find_programs(image)
    readiness = read_probe(container, "readinessProbe")
    startup = read_probe(container, "startupProbe")
    served = [variable.value for variable in environment if variable.name == "SERVED_MODEL_NAME"]
    plan = LaunchPlan(
        service=identity.name,
        namespace=identity.namespace,
        model=model.name,
        model_path=model.path,
        revision=model.revision,
        runtime=choice.runtime,
        image=image,
        served_name=served[-1],
        command=_from_environment(command, programs),
        arguments=arguments,
        environment=environment,
        programs=str(programs) if programs else "",
        fixed_port=fixed_port(container, words, environment),
        startup=startup,
        readiness=readiness or startup or Probe(),
        liveness=read_probe(container, "livenessProbe"),
        grace_seconds=min(GRACE_SECONDS, integer_at(engine.pod, "terminationGracePeriodSeconds", "engine", 30)),
    )
    return plan, (*engine.warnings, *_ineffective(engine))


def this_machine() -> Machine:
    """What this machine has: the cores this process may use, all memory."""
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Machine(cpus=cpus, memory_bytes=psutil.virtual_memory().total, node_name=platform.node())


def _added_variables(
    container: dict[str, Any], model: ServedModel, choice: Choice, machine: Machine
) -> dict[str, str]:
    sizes = choice.parallelism
    added = {
        "MODEL_PATH": model.path,
        "SERVED_MODEL_NAME": model.name,
        "HOST": LOOPBACK,
        "PARALLELISM_SIZE": str(sizes.tensor * sizes.pipeline * sizes.data),
        "CPU_LIMIT": str(local_cpus(container, machine)),
    }
    if model.weight_file:
        added["MODEL_FILE"] = str(Path(model.path) / model.weight_file)
    return added


def _refuse_missing_weight_file(words: tuple[str, ...], names: set[str], model: ServedModel) -> None:
    if "MODEL_FILE" not in names and any("MODEL_FILE" in variables_in(word) for word in words):
        raise InvalidInputError(
            f"runtime: its command refers to $(MODEL_FILE), but no weight file of model {model.name} is known",
            remedy="Import the model again so that it is parsed.",
        )


def _identity(service: Resource, choice: Choice, model: ServedModel) -> ServiceIdentity:
    metadata = mapping_at(service, "metadata", "InferenceService")
    name = text_at(metadata, "name", "metadata")
    own = mapping_at(metadata, "labels", "metadata")
    labels = {
        "ome.io/inferenceservice": name,
        "component": "engine",
        "app": f"{name}-engine",
        "serving-runtime": choice.runtime,
        "base-model-name": model.name,
        "base-model-type": "Serving",
    }
    return ServiceIdentity(
        name=name,
        namespace=text_at(metadata, "namespace", "metadata") or "default",
        labels=labels | {key: text_at(own, key, "metadata.labels") for key in own},
        annotations={
            key: text_at(mapping_at(metadata, "annotations", "metadata"), key, "metadata.annotations")
            for key in mapping_at(metadata, "annotations", "metadata")
        },
    )


def _from_environment(command: tuple[str, ...], programs: Path | None) -> tuple[str, ...]:
    """The command with its program taken from the image's environment where it has one of that name."""
    own = programs / command[0].rpartition("/")[2] if programs is not None else None
    return (str(own), *command[1:]) if own is not None and own.exists() else command


def _refuse_what_needs_a_cluster(service: Resource, engine: Component) -> None:
    remedy = "Deploy this service on a cluster, or leave it out."
    spec = mapping_at(service, "spec", "InferenceService")
    for component in ("decoder", "router"):
        if spec.get(component) is not None:
            raise UnsupportedError(f"spec.{component}: a {component} is not supported on one machine", remedy=remedy)
    for part in ("leader", "worker"):
        if engine.pod.get(part) is not None:
            raise UnsupportedError(f"engine.{part}: several nodes are not supported on one machine", remedy=remedy)
    names = [text_at(container, "name", "engine.containers") for container in engine.others]
    names += [text_at(c, "name", "engine.initContainers") for c in mappings_at(engine.pod, "initContainers", "engine")]
    if names:
        raise UnsupportedError(
            f"engine: containers beside the main one ({', '.join(names)}) are not supported on one machine",
            remedy=remedy,
        )
    annotations = mapping_at(mapping_at(service, "metadata", "InferenceService"), "annotations", "metadata")
    mode = text_at(annotations, "ome.io/deploymentMode", "metadata.annotations")
    if mode not in _LOCAL_MODES:
        raise UnsupportedError(
            f'metadata.annotations ome.io/deploymentMode: "{mode}" is not supported on one machine',
            remedy="Accepted: RawDeployment.",
        )


def _ineffective(engine: Component) -> tuple[str, ...]:
    """What the engine asks for and does not get here, in sentences."""
    replicas = integer_at(engine.pod, "minReplicas", "engine", 1)
    said = [f"engine.minReplicas {replicas}: one machine runs one replica"] if replicas > 1 else []
    for volume in mappings_at(engine.pod, "volumes", "engine"):
        kinds = sorted(volume.keys() - _HARMLESS_VOLUMES)
        if kinds:
            said.append(
                f"volume {text_at(volume, 'name', 'engine.volumes')} ({kinds[0]}) is not mounted on one machine"
            )
    return tuple(said)
