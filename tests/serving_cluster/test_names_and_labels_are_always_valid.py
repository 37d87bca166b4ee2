"""Whatever a service, its model and its runtime are called, Kubernetes takes the names and labels that are made."""

import re

from hypothesis import given
from hypothesis import strategies as st

from steps.choice import Choice
from steps.serving.cluster.metadata import Object
from steps.serving.cluster.names import as_label_value, component_name, dns_label, service_name
from tests.serving_cluster.made_up import placed, rendered, runtime, service

DNS_LABEL = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")

_part = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,40}[a-z0-9])?", fullmatch=True)
subdomains = st.lists(_part, min_size=1, max_size=6).map(".".join).filter(lambda name: len(name) <= 253)


@given(name=subdomains, model=subdomains, runtime_name=subdomains, vendor=st.text(max_size=90))
def test_every_name_and_label_is_valid(name: str, model: str, runtime_name: str, vendor: str) -> None:
    runner = {"runner": {"image": "i"}}
    made = rendered(
        service(name, decoder={}, router={}),
        runtime(runtime_name, decoderConfig=runner, routerConfig=runner),
        served=placed(name=model, vendor=vendor),
        choice=Choice(runtime=runtime_name),
    )
    for body in made.objects:
        assert DNS_LABEL.fullmatch(body["metadata"]["name"]), body["metadata"]["name"]
        for labels in _all_labels(body):
            for key, value in labels.items():
                assert LABEL_VALUE.fullmatch(value), (key, value)
        if body["kind"] == "Deployment":
            pod = body["spec"]["template"]
            assert body["spec"]["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
            volumes = [volume["name"] for volume in pod["spec"].get("volumes", [])]
            assert all(DNS_LABEL.fullmatch(volume) for volume in volumes), volumes
    kinds_and_names = [(body["kind"], body["metadata"]["name"]) for body in made.objects]
    assert len(set(kinds_and_names)) == len(kinds_and_names)


@given(name=subdomains)
def test_a_name_that_fits_is_kept(name: str) -> None:
    is_kept = len(name) <= 63 and DNS_LABEL.fullmatch(name) is not None
    assert (service_name(name) == name) == is_kept
    assert component_name(name, "engine").endswith("-engine")


@given(one=subdomains, other=subdomains)
def test_two_services_never_share_a_name(one: str, other: str) -> None:
    if one != other:
        assert service_name(one) != service_name(other)
        assert component_name(one, "engine") != component_name(other, "engine")


def test_long_names_keep_their_start_and_differ_in_a_digest() -> None:
    one, other = component_name("a" * 60 + "x", "engine"), component_name("a" * 60 + "y", "engine")
    assert one != other
    assert len(one) == len(other) == 63
    assert one.startswith("a" * 40)
    assert dns_label("8b-model.v2").startswith("b-model-v2-")


@given(text=st.text(max_size=200))
def test_any_text_becomes_a_label_value(text: str) -> None:
    assert LABEL_VALUE.fullmatch(as_label_value(text))


def _all_labels(body: Object) -> list[dict[str, str]]:
    spec = body.get("spec", {})
    found = [body["metadata"]["labels"]]
    if body["kind"] == "Deployment":
        found += [spec["template"]["metadata"]["labels"], spec["selector"]["matchLabels"]]
    if body["kind"] == "Service":
        found.append(spec["selector"])
    return found
