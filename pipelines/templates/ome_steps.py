"""`ome-steps`: the script template of every step, reached by `templateRef`.

They live apart so that the entrypoint list of the other templates, which people see in the Argo UI, is short.
"""

from collections.abc import Mapping

from hera.workflows import WorkflowTemplate

from pipelines.templates.pipeline import workflow_template
from pipelines.templates.settings import STEPS_TEMPLATE
from pipelines.templates.step_template import Limits, script_template
from steps.contract import CATALOGUE, find_step

HOUR = 3600
ON_ITS_NODE = (
    "{{=inputs.parameters.node == '' ? '{}' : "
    "toJson({'nodeSelector': {'kubernetes.io/hostname': inputs.parameters.node} })}}"
)
"""An empty node name means any node, which no selector can say."""

LIMITS: Mapping[str, Limits] = {
    "resolve-model": Limits(deadline_seconds=HOUR // 4),
    "parse-model": Limits(deadline_seconds=HOUR // 2, memory="256Mi", memory_limit="1Gi"),
    "cache-model": Limits(
        deadline_seconds=24 * HOUR, retries=5, cpu="1", memory="512Mi", memory_limit="2Gi", pod_spec_patch=ON_ITS_NODE
    ),
    "publish-model": Limits(deadline_seconds=HOUR // 12),
    "select-runtime": Limits(deadline_seconds=HOUR // 12),
    # A server that never becomes healthy is told at once: another attempt at the same thing seldom mends it.
    "deploy-service": Limits(deadline_seconds=2 * HOUR, retries=1),
    "ask-endpoint": Limits(deadline_seconds=HOUR // 4, retries=2),
    "benchmark-endpoint": Limits(
        deadline_seconds=12 * HOUR,
        retries=1,
        cpu="1",
        memory="1Gi",
        memory_limit="4Gi",
        # Two benchmarks of one endpoint at a time would measure each other.
        mutex="benchmark-{{inputs.parameters.namespace}}-{{inputs.parameters.name}}",
    ),
}


def build() -> WorkflowTemplate:
    """The workflow template."""
    with workflow_template(
        STEPS_TEMPLATE,
        title="Steps",
        description="The steps that the other templates are made of. Nothing to submit here.",
        entrypoint=next(iter(CATALOGUE)),
        deadline_seconds=24 * HOUR,
    ) as template:
        for name in CATALOGUE:
            script_template(find_step(name), LIMITS[name])  # adds itself to the template around it
    return template
