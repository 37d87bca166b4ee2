"""Labels on nodes and keys in ConfigMaps are OME's: 49 characters, digests where names are longer, always valid."""

import hashlib
import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from crds.labels import ModelKind, config_map_key, label_value, node_label, node_label_by_uid

LABEL_PART = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
DNS_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
NAMESPACES = st.from_regex(DNS_LABEL, fullmatch=True)
NAMES = st.from_regex(rf"{DNS_LABEL}(\.{DNS_LABEL}){{0,3}}", fullmatch=True).filter(lambda name: len(name) <= 253)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


LONG = "deepseek-r1-distill-llama-70b-fp8-dynamic"  # 41 characters
LONG_NAMESPACE = "a-namespace-of-some-team"


@pytest.mark.parametrize(
    ("kind", "namespace", "name", "label"),
    [
        ("ClusterBaseModel", "", "qwen3-8b", "models.ome.io/clusterbasemodel.qwen3-8b"),
        ("ClusterBaseModel", "", "x" * 32, f"models.ome.io/clusterbasemodel.{'x' * 32}"),
        ("ClusterBaseModel", "", "x" * 33, f"models.ome.io/clusterbasemodel.{_digest('x' * 33)}-{'x' * 23}"),
        ("ClusterBaseModel", "", LONG, f"models.ome.io/clusterbasemodel.{_digest(LONG)}-{LONG[-23:]}"),
        ("BaseModel", "search", "embedder", "models.ome.io/search.basemodel.embedder"),
        ("BaseModel", "search", "x" * 32, f"models.ome.io/search.basemodel.{'x' * 32}"),
        ("BaseModel", "search", "x" * 33, f"models.ome.io/search.basemodel.{_digest('x' * 33)}-{'x' * 23}"),
        ("BaseModel", LONG_NAMESPACE, "x" * 14, f"models.ome.io/{LONG_NAMESPACE}.basemodel.{'x' * 14}"),
        ("BaseModel", LONG_NAMESPACE, "x" * 15, f"models.ome.io/{_digest(LONG_NAMESPACE)}.basemodel.{'x' * 15}"),
        (
            "BaseModel",
            LONG_NAMESPACE,
            LONG,
            f"models.ome.io/{_digest(LONG_NAMESPACE)}.basemodel.{_digest(LONG)}-{LONG[-21:]}",
        ),
    ],
)
def test_nodes_are_labelled_as_omes_agent_labels_them(kind: ModelKind, namespace: str, name: str, label: str) -> None:
    assert node_label(kind, namespace, name) == label


def test_the_digest_is_the_same_in_every_release() -> None:
    assert node_label("ClusterBaseModel", "", "x" * 33) == f"models.ome.io/clusterbasemodel.11ba55a3-{'x' * 23}"


def test_nodes_are_found_by_a_models_uid_too() -> None:
    uid = "7a1b2c3d-0000-4000-8000-123456789abc"
    assert node_label_by_uid(uid) == f"models.ome/{uid}"


@given(NAMESPACES, NAMES)
def test_every_name_gives_a_valid_label_and_key(namespace: str, name: str) -> None:
    for kind in ("ClusterBaseModel", "BaseModel"):
        prefix, _, part = node_label(kind, namespace, name).partition("/")
        assert prefix == "models.ome.io"
        assert LABEL_PART.fullmatch(part)
        assert len(part) <= 49
        key = config_map_key(kind, namespace, name)
        assert re.fullmatch(r"[-._a-zA-Z0-9]+", key)
        assert len(key) <= 253


@given(NAMES)
def test_every_name_gives_a_valid_label_value(name: str) -> None:
    value = label_value(name)
    assert LABEL_PART.fullmatch(value)
    assert len(value) <= 63
    assert value == name or len(name) > 63


@given(NAMESPACES, NAMES, NAMESPACES, NAMES)
def test_different_models_have_different_labels(
    namespace: str, name: str, other_namespace: str, other_name: str
) -> None:
    assume("clusterbasemodel" not in (namespace, other_namespace))
    kinds: tuple[ModelKind, ...] = ("ClusterBaseModel", "BaseModel")
    places = {
        (kind, where if kind == "BaseModel" else "", what)
        for kind in kinds
        for where, what in ((namespace, name), (other_namespace, other_name))
    }
    assert len({node_label(*place) for place in places}) == len(places)
    assert len({config_map_key(*place) for place in places}) == len(places)
    if name != other_name:
        assert label_value(name) != label_value(other_name)


@given(NAMES.filter(lambda name: len(name) > 20), st.integers(0, 10))
def test_names_that_differ_in_one_letter_have_different_labels(name: str, place: int) -> None:
    other = f"{name[:place]}{'a' if name[place] != 'a' else 'b'}{name[place + 1 :]}"
    assert node_label("ClusterBaseModel", "", name) != node_label("ClusterBaseModel", "", other)
    assert node_label("BaseModel", "search", name) != node_label("BaseModel", "search", other)
