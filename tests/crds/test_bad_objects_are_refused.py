"""What can be refused from an object alone is refused, with the field, the value and what is accepted."""

import pytest

from crds.load import load
from crds.problems import InvalidResourceError
from tests.crds.bad_objects import BAD
from tests.crds.samples import Document, accelerator, benchmark, document, model


@pytest.mark.parametrize(("bad", "message"), BAD, ids=[message.partition(";")[0] for _, message in BAD])
def test_refused_with_field_value_and_what_is_accepted(bad: Document, message: str) -> None:
    with pytest.raises(InvalidResourceError) as caught:
        load(bad)
    assert str(caught.value) == message


def test_everything_wrong_is_told_at_once() -> None:
    bad = benchmark(task="x", maxTimePerIteration=0, outputLocation={"storageUri": "hf:/a"})
    with pytest.raises(InvalidResourceError) as caught:
        load(bad)
    assert [problem.path for problem in caught.value.problems] == [
        "spec.task", "spec.maxTimePerIteration", "spec.outputLocation.storageUri",
    ]  # fmt: skip


@pytest.mark.parametrize("parameter", ["token", "aws_secret_access_key", "azure_connection_string", "github_token"])
def test_a_secret_is_never_in_a_message(parameter: str) -> None:
    with pytest.raises(InvalidResourceError) as caught:
        load(model(parameters={parameter: 123456}))
    assert "123456" not in str(caught.value)
    loaded = load(model(parameters={parameter: "s3cr3t"}))
    (notice,) = loaded.notices
    assert notice.path == f"spec.storage.parameters.{parameter}"
    assert "s3cr3t" not in str(notice)


def test_a_status_that_cannot_be_read_does_not_refuse_the_object() -> None:
    loaded = load(model() | {"status": {"state": "Sleeping"}})
    assert [str(notice) for notice in loaded.notices] == [
        'status.state: "Sleeping" is not known; the status is not used; accepted: Creating, Importing, In_Transit,'
        " In_Training, Ready, Failed"
    ]
    assert "status" not in loaded.resource.to_dict()


def test_a_namespace_on_a_cluster_scoped_object_is_told() -> None:
    given = model()
    given["metadata"] = {"name": "a", "namespace": "b"}
    assert [str(notice) for notice in load(given).notices] == [
        'metadata.namespace: "b" is not used: a ClusterBaseModel belongs to the whole cluster'
    ]


def test_bare_memory_is_told() -> None:
    (notice,) = load(accelerator(memoryGB=80)).notices
    assert str(notice) == "spec.capabilities.memoryGB: 80 is 80 bytes; did you mean 80Gi?"


def test_an_engine_with_images_needs_no_model() -> None:
    image = {"runner": {"image": "example.com/engine:1"}}
    for engine in (image, {"leader": image, "worker": image}):
        assert load(document("InferenceService", {"engine": engine})).problems == ()
