"""A step as an Argo script template: `python -m steps <step>`, its inputs and outputs as parameters.

Everything is read from the step's own types (`steps.contract.Step`), so that a form in the Argo UI says what the code
says. `pipelines.templates.ome_steps` makes one for each step.
"""

from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from hera.workflows import Parameter, Resources, RetryStrategy, Script, models
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from crds.labels import STEP
from pipelines.templates.settings import (
    ACCELERATOR_TOLERATIONS,
    CONTAINER_SECURITY,
    DESCRIPTION,
    FROM_SETTINGS,
    IMAGE_VARIABLE,
    LABELS,
    NODE_SECURITY,
    POD_SECURITY,
    SCRATCH,
    SCRATCH_MOUNT,
    SERVICE_ACCOUNT,
    SETTINGS,
    TITLE,
    models_root,
    step_image,
)
from steps.contract import OUTPUTS, STEP_ROOT, Step, to_parameter
from steps.credentials import SECRET_FOLDER
from steps.errors import RETRYABLE_EXIT_CODES
from steps.swarm.settings import PORT as PEER_PORT

TAKEN_AWAY = (
    "The node was low on resource",  # the kubelet's words for a pod that it evicts
    "The node had condition",  # … or does not let in for the same reason
    "Pod was rejected",
    "Pod was terminated in response to imminent node shutdown",
    "Preempted in order to admit critical pod",
    "main: Error (exit code 143)",  # drained, preempted, or its node's taint: whoever deletes a pod sends SIGTERM
    "main: Error (exit code 137)",  # … and SIGKILL to what has not ended then; of too little memory: OOMKilled
)
"""How Argo's message begins where a pod was taken away and may do its work elsewhere: Failed, as when the step fails.

What stops a run (Argo's stop, a deadline of the whole) is looked at before the expression, and the message of a step
that ran past its own deadline says that.
"""
RETRY_EXPRESSION = " || ".join(
    (
        'lastRetry.status == "Error"',  # a pod that is gone, or that Argo could not follow
        f"asInt(lastRetry.exitCode) in [{', '.join(map(str, RETRYABLE_EXIT_CODES))}]",
        *(f'lastRetry.message startsWith "{beginning}"' for beginning in TAKEN_AWAY),
    )
)
NAMED_OR_NONE = "{{=inputs.parameters.secret == '' ? 'none' : inputs.parameters.secret}}"
"""A Secret must have a name even where there need not be one."""
CREDENTIALS = models.Volume(
    name="credentials", secret=models.SecretVolumeSource(secret_name=NAMED_OR_NONE, optional=True)
)
CREDENTIALS_MOUNT = models.VolumeMount(name="credentials", mount_path="/run/ome/credentials", read_only=True)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a step may use in a pod.

    Attributes:
        deadline_seconds: How long one attempt may take.
        retries: Attempts after the first, for failures that another attempt can mend.
        cpu, memory: Requested; memory is limited to `memory_limit` too.
        mutex: Name of a lock that only one such step holds at a time; may hold references to inputs.
        pod_spec_patch: Changes of the pod that need a parameter.
        service_account: Whose rights the step has.
        image: Another than the image of all steps.
        models: How the node's models root is mounted: not at all, to read, or to write (then as root).
        needs_credentials: Whether it reads the model's source or writes to a store, with the Secret of its inputs.
        needs_image: Whether it makes pods of its own, which run steps too.
        has_peers: Whether pods of it talk to each other.
    """

    deadline_seconds: int
    retries: int = 3
    cpu: str = "100m"
    memory: str = "128Mi"
    memory_limit: str = "512Mi"
    mutex: str = ""
    pod_spec_patch: str | None = None
    service_account: str = SERVICE_ACCOUNT
    image: str = ""
    models: Literal["", "read", "write"] = ""
    needs_credentials: bool = False
    needs_image: bool = False
    has_peers: bool = False


def script_template(step: Step, limits: Limits) -> Script:
    """The script template of a step."""
    synchronization = models.Synchronization(mutexes=[models.Mutex(name=limits.mutex)]) if limits.mutex else None
    return Script(
        name=step.name,
        annotations={TITLE: step.title, DESCRIPTION: step.description},
        labels={**LABELS, STEP: step.name},
        image=limits.image or step_image(),
        command=["python"],
        args=["-m", "steps", step.name],
        source="{{inputs.parameters}}",
        inputs=[input_parameter(step, name) for name in step.inputs.model_fields],
        outputs=[_output(name, info) for name, info in step.outputs.model_fields.items()],
        ports=[models.ContainerPort(name="peers", container_port=PEER_PORT)] if limits.has_peers else None,
        env=_environment(step, needs_credentials=limits.needs_credentials, needs_image=limits.needs_image),
        retry_strategy=RetryStrategy(
            limit=limits.retries,
            retry_policy="Always",
            expression=RETRY_EXPRESSION,
            # No maxDuration: counted from the first attempt's start, it would forbid another attempt of a step that
            # had worked for longer, and Argo would end an attempt that outlasts it. The limit bounds the attempts.
            backoff=models.Backoff(duration="5s", factor=models.IntOrString(root=2)),
        ),
        active_deadline_seconds=limits.deadline_seconds,
        resources=Resources(cpu_request=limits.cpu, memory_request=limits.memory, memory_limit=limits.memory_limit),
        pod_security_context=NODE_SECURITY if limits.models == "write" else POD_SECURITY,
        security_context=CONTAINER_SECURITY,
        service_account_name=limits.service_account,
        volumes=[SCRATCH, *_models_volume(limits.models), *([CREDENTIALS] if limits.needs_credentials else [])],
        volume_mounts=[
            SCRATCH_MOUNT,
            *_models_mount(limits.models),
            *([CREDENTIALS_MOUNT] if limits.needs_credentials else []),
        ],
        tolerations=list(ACCELERATOR_TOLERATIONS) if limits.models else None,
        synchronization=synchronization,
        pod_spec_patch=limits.pod_spec_patch,
    )


def _environment(step: Step, *, needs_credentials: bool, needs_image: bool) -> list[models.EnvVar]:
    """What a step learns of its surroundings, all by reference: one machine keeps its own variables."""
    made = [
        models.EnvVar(name="OME_STEP_ROOT", value=STEP_ROOT),
        _of_the_pod("OME_CLUSTER_NAMESPACE", "metadata.namespace"),
        _of_the_pod("OME_NODE", "spec.nodeName"),
        _of_the_pod("OME_WORKFLOW", "metadata.labels['workflows.argoproj.io/workflow']"),
        models.EnvVar(name="OME_WORKFLOW_UID", value="{{workflow.uid}}"),
        *(
            models.EnvVar(
                name=name,
                value_from=models.EnvVarSource(
                    config_map_key_ref=models.ConfigMapKeySelector(name=SETTINGS, key=name, optional=True)
                ),
            )
            for name in FROM_SETTINGS
        ),
    ]
    if needs_image:
        made.append(models.EnvVar(name=IMAGE_VARIABLE, value=step_image()))
    if needs_credentials:
        made.append(models.EnvVar(name=SECRET_FOLDER, value=CREDENTIALS_MOUNT.mount_path))
    if needs_credentials and "secret_key" in step.inputs.model_fields:  # where the hub may be asked
        selector = models.SecretKeySelector(name=NAMED_OR_NONE, key="{{inputs.parameters.secret_key}}", optional=True)
        made.append(models.EnvVar(name="HF_TOKEN", value_from=models.EnvVarSource(secret_key_ref=selector)))
    return made


def _of_the_pod(name: str, path: str) -> models.EnvVar:
    return models.EnvVar(
        name=name, value_from=models.EnvVarSource(field_ref=models.ObjectFieldSelector(field_path=path))
    )


def _models_volume(use: str) -> list[models.Volume]:
    root = models.HostPathVolumeSource(path=models_root(), type="DirectoryOrCreate")
    return [models.Volume(name="models", host_path=root)] if use else []


def _models_mount(use: str) -> list[models.VolumeMount]:
    return [models.VolumeMount(name="models", mount_path=models_root(), read_only=use == "read")] if use else []


def input_parameter(step: Step, name: str) -> Parameter:
    """One of a step's inputs as a parameter, as the step describes it."""
    info = step.inputs.model_fields[name]
    return Parameter(name=name, description=info.description or "", default=_default(info), enum=_choices(info))


def _default(info: FieldInfo) -> str:
    default: Any = info.get_default(call_default_factory=True, validated_data={})
    return "" if default is None or default is PydanticUndefined else to_parameter(default)


def _choices(info: FieldInfo) -> list[str] | None:
    return [str(v) for v in get_args(info.annotation)] if get_origin(info.annotation) is Literal else None


def _output(name: str, info: FieldInfo) -> Parameter:
    source = models.ValueFrom(path=f"{STEP_ROOT}/{OUTPUTS}/{name}", default="")
    description = info.description or f"{name.replace('_', ' ').capitalize()}."
    return Parameter(name=name, description=description, value_from=source)
