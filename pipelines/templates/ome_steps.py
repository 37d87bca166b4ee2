"""`ome-steps`: the script template of every step, reached by `templateRef`.

They live apart so that the entrypoint list of the other templates, which people see in the Argo UI, is short.
"""

from collections.abc import Mapping

from hera.workflows import WorkflowTemplate

from pipelines.templates.pipeline import workflow_template
from pipelines.templates.settings import STEPS_TEMPLATE, benchmark_image
from pipelines.templates.step_template import Limits, script_template
from steps.contract import CATALOGUE, find_step

HOUR = 3600
ON_ITS_NODE = (
    "{{=inputs.parameters.node == '' ? '{}' : "
    "toJson({'nodeSelector': {'kubernetes.io/hostname': inputs.parameters.node} })}}"
)
"""An empty node name means any node, which no selector can say."""

WHERE_THE_MODEL_IS = (
    "{{=inputs.parameters.pod != '' ? toJson({"
    "'nodeSelector': jsonpath(inputs.parameters.pod, '$.nodeSelector'), "
    "'tolerations': jsonpath(inputs.parameters.pod, '$.tolerations'), "
    "'affinity': jsonpath(inputs.parameters.pod, '$.affinity'), "
    "'containers': [{'name': 'main', 'resources': jsonpath(inputs.parameters.pod, '$.resources')}] }) : "
    "(inputs.parameters.model_label == '' ? '{}' : "
    "toJson({'nodeSelector': {(inputs.parameters.model_label): 'Ready'} }))}}"
)
"""The load generator reads the model's tokenizer from a node that has the model. What else its pod is told is picked
out by name: a parameter that were a patch itself would give its pod any volume and any account."""

ENDPOINTS_LOCK = "benchmark-{{=jsonpath(inputs.parameters.endpoint, '$.url')}}"
"""Two benchmarks of one endpoint at a time would measure each other, whatever their names. Argo replaces it in the
template before it takes the lock; of an endpoint without a URL the text stays as it is, and the step refuses that."""

LIMITS: Mapping[str, Limits] = {
    "resolve-model": Limits(deadline_seconds=HOUR // 4, needs_credentials=True),
    "check-revision": Limits(deadline_seconds=HOUR // 4, needs_credentials=True),
    "parse-model": Limits(deadline_seconds=HOUR // 2, memory="256Mi", memory_limit="1Gi", needs_credentials=True),
    "cache-model": Limits(
        deadline_seconds=24 * HOUR,
        retries=5,
        cpu="1",
        memory="512Mi",
        memory_limit="2Gi",
        pod_spec_patch=ON_ITS_NODE,
        service_account="ome-cache",
        models="write",
        needs_credentials=True,
        has_peers=True,
    ),
    "publish-model": Limits(deadline_seconds=HOUR // 12),
    "evict-model": Limits(
        deadline_seconds=HOUR // 4, pod_spec_patch=ON_ITS_NODE, service_account="ome-cache", models="write"
    ),
    "find-nodes": Limits(deadline_seconds=HOUR // 12, service_account="ome-cache"),
    "audit-cache": Limits(
        deadline_seconds=24 * HOUR,
        cpu="1",
        memory="512Mi",
        memory_limit="2Gi",
        pod_spec_patch=ON_ITS_NODE,
        service_account="ome-cache",
        models="write",
        needs_credentials=True,
    ),
    # It waits for its pod for as long as a volume may take; what that pod cannot get is not there a minute later.
    "read-claim": Limits(deadline_seconds=HOUR // 2, retries=1, service_account="ome-claim", needs_image=True),
    "select-runtime": Limits(deadline_seconds=HOUR // 12, service_account="ome-deploy"),
    # A server that never becomes healthy is told at once: another attempt at the same thing seldom mends it.
    "deploy-service": Limits(deadline_seconds=2 * HOUR, retries=1, service_account="ome-deploy"),
    "ask-endpoint": Limits(deadline_seconds=HOUR // 4, retries=2, service_account="ome-measure"),
    "benchmark-endpoint": Limits(
        deadline_seconds=12 * HOUR,
        retries=1,
        cpu="1",
        memory="1Gi",
        memory_limit="4Gi",
        mutex=ENDPOINTS_LOCK,
        pod_spec_patch=WHERE_THE_MODEL_IS,
        service_account="ome-measure",
        image=benchmark_image(),
        models="read",
    ),
    "upload-report": Limits(deadline_seconds=HOUR // 4, service_account="ome-upload", needs_credentials=True),
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
