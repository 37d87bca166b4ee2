"""Reports go where `spec.outputLocation` says: what a run gets for it, the copy of the Secret, what is told after."""

import json
from typing import Any

import pytest

from controller.actions import CopySecret
from controller.index import arguments_of
from controller.plans import plan_benchmark
from controller.plans.conditions import condition_of
from tests.controller.plans.argo import only_run, runs_of, step, submitted_by_a_person, told, write
from tests.controller.plans.benchmarks import CRON, JOB, cluster_with, finish, fire, settle
from tests.controller.plans.cluster import Cluster
from tests.controller.plans.objects import condition
from tests.controller.plans.reports import report

STORE = "s3://results/speed"
UPLOADED = f"{STORE}/nightly"


def job(uri: str = STORE, **more: Any) -> Cluster:
    location = {"storageUri": uri, **more.pop("location", {})}
    return cluster_with(outputLocation=location, **more)


def arguments(cluster: Cluster) -> dict[str, str]:
    return dict(arguments_of(cluster.get("Workflow", "ome", only_run(cluster, "benchmark-endpoint"))))


def end(cluster: Cluster, run: str, upload: dict[str, Any], uri: str = "") -> dict[str, Any]:
    """The measurement succeeds, the upload ends as it is given."""
    outputs = {"report": report().model_dump_json(by_alias=True), "report_folder": f"configmap/{run}"}
    whole = {**outputs, "report_uri": uri}
    nodes = step("benchmark", outputs=outputs) | step("upload", **upload)
    write(cluster, run, "Succeeded", nodes, outputs=whole)
    return settle(cluster)


def upload_of(cluster: Cluster) -> dict[str, Any]:
    return dict(condition_of(cluster.get(*JOB), "ReportUploaded"))


def test_a_run_is_told_where_its_report_goes_and_how_that_store_is_reached() -> None:
    parameters = {"endpoint": "http://minio.team:9000", "region": "eu-west-3", "auth_type": "instance"}
    cluster = job(location={"parameters": parameters}, resultFolderName="nightly")
    settle(cluster)
    found = arguments(cluster)
    assert (found["output_uri"], found["result_folder"]) == (STORE, "nightly")
    assert json.loads(found["output_parameters"]) == {
        "endpoint": "http://minio.team:9000", "region": "eu-west-3", "auth": "instance",
    }  # fmt: skip
    assert "secret" not in found and not cluster.copied
    assert not condition_of(cluster.get(*JOB), "FieldsHonoured")


@pytest.mark.parametrize(
    "uri", ["s3://b@eu-west-1/a", "gs://b/a", "az://acme/results/a", "oci://n/acme/b/results/o/a"]
)
def test_object_stores_are_uploaded_to(uri: str) -> None:
    cluster = job(uri)
    settle(cluster)
    assert arguments(cluster)["output_uri"] == uri and "result_folder" not in arguments(cluster)


@pytest.mark.parametrize("uri", ["pvc://claim/results", "local:///results", "github://acme/results"])
def test_other_places_are_told_by_name_with_what_is_accepted_and_measured_all_the_same(uri: str) -> None:
    cluster = job(uri, resultFolderName="nightly")
    settle(cluster)
    assert not {"output_uri", "result_folder"} & arguments(cluster).keys()
    message = condition(cluster.get(*JOB), "FieldsHonoured")["message"]
    assert "spec.outputLocation, spec.resultFolderName" in message
    assert f'spec.outputLocation.storageUri: "{uri}"' in message and "Accepted: s3://<bucket>/<prefix>" in message


def test_parameters_that_nothing_reads_are_told() -> None:
    cluster = job(location={"parameters": {"aws_access_key_id": "AKIA", "region": "eu-west-3"}})
    settle(cluster)
    message = condition(cluster.get(*JOB), "FieldsHonoured")["message"]
    assert "spec.outputLocation.parameters.aws_access_key_id" in message and "AKIA" not in message
    assert "region" not in message
    assert "AKIA" not in json.dumps(cluster.of_kind("Workflow"))


def test_the_status_says_where_the_report_was_uploaded_to() -> None:
    cluster = job()
    settle(cluster)
    assert not upload_of(cluster), "nothing has ended"
    run = only_run(cluster, "benchmark-endpoint")
    status = end(cluster, run, {}, UPLOADED)
    assert (status["state"], status["reportUri"], status["history"][0]["reportUri"]) == (
        "Completed", UPLOADED, UPLOADED,
    )  # fmt: skip
    assert upload_of(cluster)["status"] == "True" and UPLOADED in upload_of(cluster)["message"]
    cluster.delete("Workflow", "ome", run)
    assert settle(cluster)["reportUri"] == UPLOADED and upload_of(cluster)["status"] == "True"


def test_a_failed_upload_loses_no_figures_and_is_told_with_its_remedy() -> None:
    cluster = job()
    settle(cluster)
    run = only_run(cluster, "benchmark-endpoint")
    status = end(cluster, run, {"phase": "Failed", "message": told("not-found")})
    assert (status["state"], status["verdict"]) == ("Completed", "Pass")
    assert status["results"] and status["reportUri"] == f"configmap/{run}"
    failed = upload_of(cluster)
    assert (failed["status"], failed["reason"]) == ("False", "UploadFailed")
    failure = status["history"][0]["uploadFailure"]
    assert failure.startswith("NotFound: ") and failure in failed["message"] and STORE in failed["message"]
    assert runs_of(cluster, "benchmark-endpoint") == [run], "it is not measured again"
    cluster.delete("Workflow", "ome", run)
    settle(cluster)
    assert upload_of(cluster)["reason"] == "UploadFailed"


def test_files_that_were_too_large_are_named() -> None:
    cluster = job()
    settle(cluster)
    left_out = {"left_out": "results.json, results.csv"}
    end(cluster, only_run(cluster, "benchmark-endpoint"), {"outputs": left_out}, UPLOADED)
    found = upload_of(cluster)
    assert found["status"] == "True"
    assert UPLOADED in found["message"] and "Too large to be uploaded: results.json, results.csv." in found["message"]


def test_another_place_is_no_other_measurement() -> None:
    cluster = job("pvc://claim/results")
    settle(cluster)
    finish(cluster, only_run(cluster, "benchmark-endpoint"), report())
    settle(cluster)
    cluster.change(*JOB, {"spec": {"outputLocation": {"storageUri": STORE}}})
    settle(cluster)
    assert len(runs_of(cluster, "benchmark-endpoint")) == 1
    assert not upload_of(cluster)


def test_a_run_of_a_person_that_uploads_nowhere_is_not_taken_for_one_that_does() -> None:
    cluster = job()
    given = {
        "name": "speed", "namespace": "team", "model": "smollm2", "max_requests": "400", "max_minutes": "5",
        "endpoint": json.dumps({"url": "http://chat.team", "modelName": "smollm2"}),
        "scenarios": '["D(64,16)"]', "concurrency": "[1]",
    }  # fmt: skip
    form = {"task": "text-to-text", "max_error_rate": "0.01"}
    submitted_by_a_person(cluster, "benchmark-endpoint", "speed-abc", given, form)
    settle(cluster)
    assert len(runs_of(cluster, "benchmark-endpoint")) == 2  # noqa: PLR2004


def with_a_key(**more: Any) -> Cluster:
    return job(location={"key": "results-keys"}, **more)


def test_the_secret_is_copied_for_the_run_and_its_copy_goes_with_it() -> None:
    cluster = with_a_key()
    settle(cluster)
    copy = cluster.copied[0]
    assert (copy.from_namespace, copy.from_name, copy.namespace) == ("team", "results-keys", "ome")
    assert {"AWS_ACCESS_KEY_ID", "aws_secret_access_key"} <= set(copy.keys)
    assert arguments(cluster)["secret"] == copy.name
    assert [one["metadata"]["name"] for one in cluster.of_kind("Secret")] == [copy.name]
    end(cluster, only_run(cluster, "benchmark-endpoint"), {}, UPLOADED)
    assert not cluster.of_kind("Secret")
    assert cluster.plan(plan_benchmark, *JOB).actions == ()


def test_a_secret_that_cannot_be_read_is_told_with_the_commands_and_waited_for() -> None:
    cluster = with_a_key()
    cluster.may_copy = False
    for _ in range(4):
        plan = cluster.step(plan_benchmark, *JOB)
    assert plan.requeue_seconds and [type(action) for action in plan.actions] == [CopySecret]
    assert not runs_of(cluster, "benchmark-endpoint")
    assert cluster.get(*JOB)["status"]["state"] == "Pending"
    for kind in ("ReportUploaded", "Completed"):
        found = condition(cluster.get(*JOB), kind)
        assert found["reason"] == "SecretNotReadable"
        assert "spec.outputLocation.key" in found["message"]
        assert "kubectl create rolebinding results-keys -n team" in found["message"]
    cluster.may_copy = True
    settle(cluster)
    assert len(runs_of(cluster, "benchmark-endpoint")) == 1


def test_a_schedule_keeps_its_copy_and_renews_it_after_each_run() -> None:
    cluster = with_a_key(schedule="0 3 * * *")
    settle(cluster)
    parameters = cluster.get("CronWorkflow", "ome", CRON)["spec"]["workflowSpec"]["arguments"]["parameters"]
    (copy,) = cluster.of_kind("Secret")
    assert {"name": "secret", "value": copy["metadata"]["name"]} in parameters
    before = len(cluster.copied)
    fire(cluster, f"{CRON}-1")
    settle(cluster)
    assert len(cluster.copied) == before
    end(cluster, f"{CRON}-1", {}, UPLOADED)
    assert len(cluster.copied) == before + 1 and cluster.of_kind("Secret")
    cluster.change(*JOB, {"spec": {"outputLocation": {"key": "other-keys"}}})
    settle(cluster)
    assert cluster.copied[-1].from_name == "other-keys"


def test_a_schedule_whose_secret_is_withdrawn_goes_on_measuring_and_says_so() -> None:
    cluster = with_a_key(schedule="0 3 * * *")
    settle(cluster)
    fire(cluster, f"{CRON}-1")
    cluster.may_copy = False
    outputs = {"report": report().model_dump_json(by_alias=True)}
    write(cluster, f"{CRON}-1", "Succeeded", step("benchmark", outputs=outputs), outputs=outputs)
    for _ in range(4):
        plan = cluster.step(plan_benchmark, *JOB)
    assert plan.requeue_seconds and not cluster.of_kind("Secret")
    status = cluster.get(*JOB)["status"]
    assert (status["state"], status["verdict"]) == ("Completed", "Pass")
    assert upload_of(cluster)["reason"] == "SecretNotReadable"
    assert not cluster.get("CronWorkflow", "ome", CRON)["spec"]["suspend"]


def test_the_copy_goes_with_the_job_even_before_its_run() -> None:
    cluster = with_a_key()
    while not cluster.of_kind("Secret"):
        assert cluster.step(plan_benchmark, *JOB).actions
    assert not cluster.of_kind("Workflow")
    cluster.delete(*JOB)
    cluster.settle(plan_benchmark, *JOB)
    assert cluster.find(*JOB) is None
    assert not cluster.of_kind("Secret")
