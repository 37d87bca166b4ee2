"""What a step of ours costs on Argo, beside a step that does nothing: three in a row, taken in turns.

Run it on a test cluster: `make cluster-up`, then `KUBECONFIG=… python -m tests.benchmarks.argo_steps IMAGE`. Ours are
made by the function that makes every step's template; what they do is as little as busybox's `true`.
"""

import json
import subprocess
import sys
import time
from statistics import median
from typing import Any

from hera.workflows import DAG, Parameter, Task, WorkflowTemplate
from pydantic import Field

from pipelines.templates.step_template import Limits, script_template
from steps.contract import Step, StepInputs, StepOutputs
from tests.benchmarks.table import Row, markdown

RUNS = 5
NAMESPACE = "step-cost"
HEADS = ("three steps in a row on Argo", f"median of {RUNS}", "time against busybox")
MODULE = """
from steps.contract import StepInputs, StepOutputs, step
class In(StepInputs):
    word: str = ""
class Out(StepOutputs):
    word: str
@step("pass-on", title="Pass on", description="Hands its input on.")
def pass_on(inputs: In) -> Out:
    return Out(word=inputs.word)
"""
START = "import sys; sys.path.insert(0, '/extra'); from steps import contract, __main__ as m; \
contract.CATALOGUE['pass-on'] = 'pass_on:pass_on'; sys.exit(m.main(['pass-on', sys.argv[-1]]))"


class In(StepInputs):
    """What is handed on."""

    word: str = Field(default="", description="A word.")


class Out(StepOutputs):
    """The same."""

    word: str = Field(description="The word.")


def main() -> None:
    """Measure and print the table."""
    print(markdown(HEADS, argo_steps(sys.argv[1])))


def argo_steps(image: str) -> list[Row]:
    """Median seconds from creation to completion of either workflow."""
    made = {"three bare busybox steps": bare(), f"three steps of `{image.rpartition('/')[2]}`": ours(image)}
    kubectl("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": surroundings()}))
    try:
        seconds: dict[str, list[float]] = {name: [] for name in made}
        for _ in range(RUNS + 1):
            for name, workflow in made.items():
                seconds[name].append(run_to_its_end(workflow))
    finally:
        kubectl("delete", "namespace", NAMESPACE, "--wait=false")
    medians = {name: median(taken[1:]) for name, taken in seconds.items()}  # the first run warms the nodes
    base = next(iter(medians.values()))
    return [Row(name, f"{taken:.1f} s", f"{taken / base:.2f} x") for name, taken in medians.items()]


def run_to_its_end(workflow: dict[str, Any]) -> float:
    """Seconds from creating a workflow until Argo calls it completed; it must have succeeded."""
    began = time.monotonic()
    name = kubectl("create", "-f", "-", "-o", "name", stdin=json.dumps(workflow)).strip()
    done = "--for=jsonpath={.metadata.labels.workflows\\.argoproj\\.io/completed}=true"
    kubectl("-n", NAMESPACE, "wait", name, done, "--timeout=180s")
    taken = time.monotonic() - began
    phase = kubectl("-n", NAMESPACE, "get", name, "-o", "jsonpath={.status.phase}")
    if phase != "Succeeded":
        raise SystemExit(f"{name} is {phase}: kubectl -n {NAMESPACE} describe {name}")
    return taken


def in_a_row(template: dict[str, Any], arguments: bool) -> dict[str, Any]:
    """A workflow of three tasks, each after the one before."""
    given = {"arguments": {"parameters": [{"name": "word", "value": "x"}]}} if arguments else {}
    tasks = [{"name": f"step-{n}", "template": template["name"], **given} for n in range(3)]
    for before, task in zip(tasks, tasks[1:], strict=False):
        task["depends"] = before["name"]
    spec = {"entrypoint": "all", "serviceAccountName": "default",
            "templates": [{"name": "all", "dag": {"tasks": tasks}}, template]}  # fmt: skip
    metadata = {"generateName": "three-", "namespace": NAMESPACE}
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": metadata, "spec": spec}


def bare() -> dict[str, Any]:
    """Three steps of busybox."""
    container = {"image": "localhost/busybox:1", "command": ["/bin/true"], "imagePullPolicy": "IfNotPresent"}
    return in_a_row({"name": "nothing", "container": container}, arguments=False)


def ours(image: str) -> dict[str, Any]:
    """Three steps whose template and contract are those of every step of ours."""
    step = Step("pass-on", "Pass on", "Hands its input on.", In, Out, lambda inputs: Out(word=inputs.word))
    with WorkflowTemplate(name="x") as built, DAG(name="all"):
        Task(name="one", template=script_template(step, Limits(60)), arguments=[Parameter(name="word", value="x")])
    (template,) = [t for t in built.to_dict()["spec"]["templates"] if "script" in t]
    template.pop("serviceAccountName", None)
    script = template["script"]
    script |= {"image": image, "imagePullPolicy": "IfNotPresent", "args": ["-c", START]}
    script["volumeMounts"].append({"name": "extra", "mountPath": "/extra"})
    template["volumes"].append({"name": "extra", "configMap": {"name": "extra"}})
    return in_a_row(template, arguments=True)


def surroundings() -> list[dict[str, Any]]:
    """A namespace whose default account may report results, and the step's module."""
    here = {"namespace": NAMESPACE}
    module = {"name": "extra", **here}
    group = "rbac.authorization.k8s.io"
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": module, "data": {"pass_on.py": MODULE}},
        {"apiVersion": f"{group}/v1", "kind": "Role", "metadata": here | {"name": "results"}, "rules": [
            {"apiGroups": ["argoproj.io"], "resources": ["workflowtaskresults"], "verbs": ["create", "patch"]}]},
        {"apiVersion": f"{group}/v1", "kind": "RoleBinding", "metadata": here | {"name": "results"},
         "roleRef": {"apiGroup": group, "kind": "Role", "name": "results"},
         "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": NAMESPACE}]},
    ]  # fmt: skip


def kubectl(*words: str, stdin: str | None = None) -> str:
    """Run kubectl and give what it prints; its error ends the benchmark."""
    done = subprocess.run(["kubectl", *words], input=stdin, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"kubectl {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


if __name__ == "__main__":
    main()
