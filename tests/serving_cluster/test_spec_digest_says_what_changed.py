"""The digest changes with what a service asks for, and with nothing else."""

import re
from typing import Any

import pytest

from steps.serving.cluster.spec_digest import service_spec_digest
from tests.serving_cluster.made_up import model, service

BASE = service_spec_digest(service(), model())


def test_it_is_sixteen_digits_and_stable() -> None:
    assert re.fullmatch(r"[0-9a-f]{16}", BASE)
    reordered = dict(reversed(service().items()))
    assert service_spec_digest(reordered, model()) == BASE


@pytest.mark.parametrize(
    "changed",
    [
        service(engine={"minReplicas": 2}),
        service(annotations={"ome.io/deploymentMode": "RawDeployment"}),
        service(annotations={"ome.io/reselect": "1"}),
        service(annotations={"prometheus.ome.io/port": "1"}),
        service(annotations={"prometheus.io/scrape": "true"}),
    ],
)
def test_what_is_asked_for_changes_it(changed: dict[str, Any]) -> None:
    assert service_spec_digest(changed, model()) != BASE


def test_other_files_change_it() -> None:
    other = model()
    other["status"]["artifact"]["digest"] = "cd" * 32
    assert service_spec_digest(service(), other) != BASE
    assert service_spec_digest(service(), {}) != BASE


@pytest.mark.parametrize(
    "annotations",
    [
        {"ome.io/retry": "1"},
        {"ome.io/on-drift": "hold"},
        {"kubectl.kubernetes.io/last-applied-configuration": "{}"},
        {"example.com/note": "x"},
        {"some.io/x": "y"},
    ],
)
def test_what_changes_no_object_does_not_change_it(annotations: dict[str, str]) -> None:
    bystander = service(annotations=annotations)
    bystander["metadata"] |= {"resourceVersion": "7", "generation": 3, "labels": {"a": "b"}}
    bystander["status"] = {"url": "http://x"}
    assert service_spec_digest(bystander, model()) == BASE
