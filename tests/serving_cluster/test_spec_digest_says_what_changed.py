"""The digest changes with what a service asks for, and with nothing else."""

import re
from typing import Any

import pytest

from steps.serving.cluster.spec_digest import service_spec_digest
from tests.serving_cluster.made_up import engine_pod, model, rendered, service

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
        service(annotations={"rdma.ome.io/profile": "oci-roce"}),
        service(annotations={"kueue-enabled": ""}),
    ],
)
def test_what_is_asked_for_changes_it(changed: dict[str, Any]) -> None:
    assert service_spec_digest(changed, model()) != BASE


def test_other_files_change_it() -> None:
    other = model()
    other["status"]["artifact"]["digest"] = "cd" * 32
    assert service_spec_digest(service(), other) != BASE
    assert service_spec_digest(service(), {}) != BASE


def naming(text: str) -> dict[str, Any]:
    """A service whose engine has this argument."""
    return service(engine={"runner": {"args": ["--x", text]}})


@pytest.mark.parametrize("holder", ["labels", "annotations"])
@pytest.mark.parametrize("domain", ["", "example.com/"])
def test_what_a_placeholder_fills_in_changes_it(holder: str, domain: str) -> None:
    placeholder = f'{{{{index .{holder.capitalize()} "{domain}team"}}}}'
    of_one, of_two, unread = naming(placeholder), naming(placeholder), naming("{{.Name}}")
    before = service_spec_digest(unread, model())
    for body, team in ((of_one, "one"), (of_two, "two"), (unread, "one")):
        body["metadata"][holder] = {f"{domain}team": team}
    assert service_spec_digest(of_one, model()) != service_spec_digest(of_two, model())
    assert (service_spec_digest(unread, model()) == before) is bool(domain), "a runtime may read a user's own key"
    args = [engine_pod(rendered(body))["containers"][0]["args"][-1] for body in (of_one, of_two)]
    assert args == ["one", "two"], "the digest follows what is rendered"


def test_what_the_controller_does_not_keep_never_counts() -> None:
    key = "kubectl.kubernetes.io/last-applied-configuration"
    reading = naming(f'{{{{index .Annotations "{key}"}}}}')
    before = service_spec_digest(reading, model())
    reading["metadata"]["annotations"] = {key: "{}"}
    assert service_spec_digest(reading, model()) == before


def test_a_service_without_labels_has_the_digest_it_was_deployed_with() -> None:
    assert BASE == "7638b135fddd9281"


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
    bystander["metadata"] |= {"resourceVersion": "7", "generation": 3, "labels": {"helm.sh/chart": "ome-1.2"}}
    bystander["status"] = {"url": "http://x"}
    assert service_spec_digest(bystander, model()) == BASE
