"""A container's variables, port and probes as values of this machine; what only a cluster has is refused by name."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steps.errors import InvalidInputError, OmeError, UnsupportedError
from steps.serving.container import Machine, ServiceIdentity, fixed_port, local_cpus, render_environment
from steps.serving.launch import LaunchPlan, Variable, process_environment, resolve_command, resolve_environment
from steps.serving.probe import Probe, read_probe

MACHINE = Machine(cpus=4, memory_bytes=8 * 2**30, node_name="here")
IDENTITY = ServiceIdentity(name="chat", namespace="team", labels={"ome.io/inferenceservice": "chat"})


def rendered(container: dict[str, Any], **added: str) -> dict[str, str]:
    return {v.name: v.value for v in render_environment(container, added, IDENTITY, MACHINE)}


def value_from(**source: Any) -> dict[str, Any]:
    return {"env": [{"name": "V", "valueFrom": source}]}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("metadata.name", "chat-engine"),
        ("metadata.namespace", "team"),
        ("metadata.labels['ome.io/inferenceservice']", "chat"),
        ("metadata.labels['absent']", ""),
        ("spec.nodeName", "here"),
        ("status.podIP", "127.0.0.1"),
    ],
)
def test_downward_api_gives_local_values(path: str, value: str) -> None:
    assert rendered(value_from(fieldRef={"fieldPath": path}))["V"] == value


@pytest.mark.parametrize(
    ("limits", "reference", "value"),
    [
        ({"cpu": "2"}, {"resource": "limits.cpu"}, "2"),
        ({"cpu": "1500m"}, {"resource": "limits.cpu"}, "2"),
        ({"cpu": "1500m"}, {"resource": "limits.cpu", "divisor": "1m"}, "1500"),
        ({"cpu": 64}, {"resource": "limits.cpu"}, "4"),
        ({}, {"resource": "limits.cpu"}, "4"),
        ({"memory": "1Gi"}, {"resource": "limits.memory"}, str(2**30)),
        ({"memory": "1Gi"}, {"resource": "limits.memory", "divisor": "1Mi"}, "1024"),
        ({"memory": "1Ti"}, {"resource": "limits.memory", "divisor": "1Gi"}, "8"),
        ({"memory": "1Gi"}, {"resource": "limits.memory", "divisor": "0"}, str(2**30)),
    ],
)
def test_resource_fields_are_bounded_by_this_machine(limits: dict[str, Any], reference: Any, value: str) -> None:
    container = {**value_from(resourceFieldRef=reference), "resources": {"limits": limits}}
    assert rendered(container)["V"] == value


@given(st.integers(1, 10**6))
def test_core_limit_is_whole_and_within_the_machine(millicores: int) -> None:
    cores = local_cpus({"resources": {"limits": {"cpu": f"{millicores}m"}}}, MACHINE)
    assert 1 <= cores <= MACHINE.cpus
    assert cores == min(-(-millicores // 1000), MACHINE.cpus)


@pytest.mark.parametrize(
    ("container", "error", "message"),
    [
        (value_from(secretKeyRef={"name": "s", "key": "k"}), UnsupportedError, "V.valueFrom.secretKeyRef"),
        (value_from(configMapKeyRef={"name": "s", "key": "k"}), UnsupportedError, "V.valueFrom.configMapKeyRef"),
        ({"envFrom": [{"secretRef": {"name": "s"}}]}, UnsupportedError, "container.envFrom"),
        (value_from(fieldRef={"fieldPath": "metadata.nonsense"}), InvalidInputError, '"metadata.nonsense" is unknown'),
        (value_from(resourceFieldRef={"resource": "limits.gpu"}), InvalidInputError, '"limits.gpu" is unknown'),
        (
            {**value_from(resourceFieldRef={"resource": "limits.cpu"}), "resources": {"limits": {"cpu": "many"}}},
            InvalidInputError,
            "many",
        ),
        ({"env": [{"value": "x"}]}, InvalidInputError, r"container.env\[0\].name"),
        ({"env": [{"name": "V", "value": ["x"]}]}, InvalidInputError, "container.env V.value"),
        ({"env": "V=x"}, InvalidInputError, "container.env"),
    ],
)
def test_what_cannot_be_given_is_refused_by_name(
    container: dict[str, Any], error: type[OmeError], message: str
) -> None:
    with pytest.raises(error, match=message):
        rendered(container)


def test_optional_references_are_left_out() -> None:
    assert rendered(value_from(secretKeyRef={"name": "s", "key": "k", "optional": True})) == {}


def test_ours_come_first_and_only_where_absent() -> None:
    container = {
        "env": [{"name": "MODEL_PATH", "value": "/mine"}, {"name": "N", "value": 4}, {"name": "T", "value": True}]
    }
    found = render_environment(container, {"MODEL_PATH": "/ours", "HOST": "127.0.0.1"}, IDENTITY, MACHINE)
    assert [(v.name, v.value) for v in found] == [
        ("HOST", "127.0.0.1"), ("MODEL_PATH", "/mine"), ("N", "4"), ("T", "true"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("container", "words", "environment", "port"),
    [
        ({}, ("serve",), {}, 0),
        ({"ports": [{"containerPort": 9000}]}, ("serve", "--port", "$(PORT)"), {}, 0),
        ({"ports": [{"containerPort": 9000}]}, ("serve",), {}, 9000),
        ({"ports": [{"containerPort": 9000}]}, ("serve", "--port", "8001"), {}, 8001),
        ({}, ("serve", "--port=8001"), {}, 8001),
        ({"ports": [{"containerPort": 9000}]}, ("serve",), {"URL": "http://x:$(PORT)"}, 0),
        ({}, ("serve", "--port", "$(PORT)"), {"PORT": "7000"}, 7000),
    ],
)
def test_port_is_ours_unless_the_container_names_one(
    container: dict[str, Any], words: tuple[str, ...], environment: dict[str, str], port: int
) -> None:
    variables = tuple(Variable(name=name, value=value) for name, value in environment.items())
    assert fixed_port(container, words, variables) == port


def test_port_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidInputError, match='PORT: "http" is not a port'):
        fixed_port({}, (), (Variable(name="PORT", value="http"),))


def plan(**fields: Any) -> LaunchPlan:
    required = {
        "service": "chat",
        "namespace": "team",
        "model": "m",
        "model_path": "/m",
        "revision": "",
        "runtime": "r",
    }
    return LaunchPlan.model_validate({**required, "image": "", "served_name": "m", "command": ("serve",), **fields})


def test_variables_expand_in_order_and_reach_command_and_process() -> None:
    variables = tuple(
        Variable(name=name, value=value)
        for name, value in [("A", "$(PORT)"), ("B", "$(A)/$(C)"), ("C", "c"), ("PATH", "/image/bin")]
    )
    launch = plan(arguments=("--at=$(B)", "$$(A)", "$(MISSING)"), environment=variables, programs="/env/bin")
    own = resolve_environment(launch, 1234)
    assert own == {"PORT": "1234", "A": "1234", "B": "1234/$(C)", "C": "c", "PATH": "/image/bin"}
    assert resolve_command(launch, own) == ["serve", "--at=1234/$(C)", "$(A)", "$(MISSING)"]
    process = process_environment(launch, own, {"HOME": "/h", "HF_TOKEN": "t", "OMP_NUM_THREADS": "2", "PATH": "/usr"})
    assert process["PATH"] == "/env/bin:/image/bin"
    assert process["HOME"] == "/h"
    assert process["OMP_NUM_THREADS"] == "2"
    assert "HF_TOKEN" not in process


@pytest.mark.parametrize(
    "change", [{"arguments": ("--x",)}, {"revision": "2"}, {"grace_seconds": 1}, {"model_path": "/n"}]
)
def test_digest_changes_with_the_plan_and_only_then(change: dict[str, Any]) -> None:
    assert plan().digest == plan().digest
    assert plan(**change).digest != plan().digest


def test_probes_are_read() -> None:
    probe = {
        "httpGet": {"path": "health", "port": "http"},
        "periodSeconds": 3,
        "timeoutSeconds": 2,
        "failureThreshold": 7,
    }
    assert read_probe({"readinessProbe": probe}, "readinessProbe") == Probe(
        method="http", path="/health", period_seconds=3, timeout_seconds=2, failure_threshold=7
    )
    assert read_probe({"readinessProbe": {"tcpSocket": {"port": 1}}}, "readinessProbe") == Probe(method="tcp")
    assert read_probe({}, "readinessProbe") is None
    for handler in ("exec", "grpc"):
        with pytest.raises(UnsupportedError, match=f"container.startupProbe.{handler}"):
            read_probe({"startupProbe": {handler: {"command": ["true"]}}}, "startupProbe")
    with pytest.raises(UnsupportedError, match="HTTPS"):
        read_probe({"livenessProbe": {"httpGet": {"scheme": "HTTPS"}}}, "livenessProbe")
