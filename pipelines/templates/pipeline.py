"""What the workflow templates of this package are built with: the frame of a template, and a task that runs a step."""

from collections.abc import Mapping, Sequence

from hera.workflows import Parameter, Task, WorkflowTemplate, models

from crds.labels import PIPELINE
from pipelines.templates.settings import (
    DESCRIPTION,
    LABELS,
    POD_GC,
    SERVICE_ACCOUNT,
    STEPS_TEMPLATE,
    TITLE,
    TTL,
)
from pipelines.templates.step_template import input_parameter
from steps.contract import find_step

REQUEST = ("uri", "revision", "allow_patterns", "ignore_patterns", "source_parameters")
"""What says which files of which source an import is to bring."""
TRUST = ("unsafe_pickles", "signed_by", "signature")
"""What says whether such files may be taken."""


def workflow_template(
    name: str,
    *,
    title: str,
    description: str,
    entrypoint: str = "",
    deadline_seconds: int,
    parameters: Sequence[Parameter] = (),
    ttl: models.TTLStrategy = TTL,
) -> WorkflowTemplate:
    """The frame of a workflow template; use it as a context and put templates in it.

    Args:
        name: Its name, which is also its entrypoint's unless another is given.
        title: Shown in the Argo UI, on the template and on its runs.
        description: The same, one or two sentences.
        entrypoint: Name of the template where it begins.
        deadline_seconds: After how long a run is ended.
        parameters: What a run asks for.
        ttl: How long a run is kept after its end.
    """
    annotations = {TITLE: title, DESCRIPTION: description}
    return WorkflowTemplate(
        name=name,
        labels=dict(LABELS),
        annotations=annotations,
        entrypoint=entrypoint or name,
        arguments=[_argument(p) for p in parameters],
        workflow_metadata=models.WorkflowMetadata(annotations=annotations, labels=LABELS | {PIPELINE: name}),
        active_deadline_seconds=deadline_seconds,
        ttl_strategy=ttl,
        pod_gc=POD_GC,
        service_account_name=SERVICE_ACCOUNT,
    )


def _argument(parameter: Parameter) -> Parameter:
    """A workflow argument: Hera drops `default` there, so its default is its value."""
    return Parameter(
        name=parameter.name, description=parameter.description, value=parameter.default, enum=parameter.enum
    )


def ask_for(step: str, *fields: str) -> list[Parameter]:
    """Workflow parameters that are inputs of a step, with their descriptions and defaults there."""
    found = find_step(step)
    return [input_parameter(found, field) for field in fields]


def run_step(
    step: str,
    name: str,
    arguments: Mapping[str, str],
    *,
    depends: str = "",
    when: str = "",
    with_param: str = "",
    may_fail: bool = False,
) -> Task:
    """A task that runs a step of `ome-steps`; made inside a DAG, it is one of its tasks.

    Args:
        step: Name of the step.
        name: Of the task.
        arguments: Of the step.
        depends: What must have ended before; of a task that may fail the name of one task, and so for all of its DAG.
        when: Whether it is run.
        with_param: A list, for one run of the step for each item.
        may_fail: Whether the run ends well although this fails; what is before it must be a target of the DAG too.
    """
    return Task(
        name=name,
        template_ref=models.TemplateRef(name=STEPS_TEMPLATE, template=step),
        arguments=[Parameter(name=key, value=value) for key, value in arguments.items()],
        depends=None if may_fail else depends or None,
        dependencies=[depends] if may_fail else None,
        continue_on=models.ContinueOn(failed=True, error=True) if may_fail else None,
        when=when or None,
        with_param=with_param or None,
    )


def workflow_values(*names: str, **renamed: str) -> dict[str, str]:
    """Arguments that come from workflow parameters; `renamed` gives the workflow's name for the step's."""
    pairs = {name: name for name in names} | renamed
    return {ours: f"{{{{workflow.parameters.{theirs}}}}}" for ours, theirs in pairs.items()}


def output(task: str, name: str) -> str:
    """A reference to an output of a task."""
    return f"{{{{tasks.{task}.outputs.parameters.{name}}}}}"


def hand_on(task: str, name: str, description: str) -> Parameter:
    """An output of the entrypoint, taken from a task; also visible in the run's own status.

    It has an empty default, since a task under `when` may not have run.
    """
    return Parameter(
        name=name,
        description=description,
        value_from=models.ValueFrom(parameter=output(task, name), default=""),
        global_name=name,
    )
