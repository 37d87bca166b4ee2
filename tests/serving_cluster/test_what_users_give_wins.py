"""What a service says wins over its runtime, and both over what is added; nothing is added twice or lost."""

import copy
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steps.choice import Choice, Parallelism
from steps.errors import InvalidInputError
from steps.serving.cluster.strategy import TEMPLATE_DIGEST
from tests.serving_cluster.made_up import (
    engine_pod,
    example,
    find,
    placed,
    rendered,
    runtime,
    service,
    variables,
)


def runner(**fields: Any) -> dict[str, Any]:
    return {"engineConfig": {"runner": {"name": "ome-container", "image": "tiny:1", **fields}}}


def test_variables_are_added_only_where_they_are_absent() -> None:
    own = [{"name": "SERVED_MODEL_NAME", "value": "mine"}, {"name": "PARALLELISM_SIZE", "value": 3}]
    made = rendered(service(engine={"runner": {"env": own}}))
    assert variables(made) == {
        "MODEL_PATH": "/mnt/models/smollm2",
        "MODEL_FILE": "/mnt/models/smollm2/model-q4.gguf",
        "SERVED_MODEL_NAME": "mine",
        "PARALLELISM_SIZE": "3",
    }
    assert made.served_name == "mine"


def test_host_and_port_are_given_to_who_speaks_of_them() -> None:
    script = runtime(**runner(command=["bash", "-c", "serve --host $HOST --port ${PORT}"]))
    assert {"HOST": "0.0.0.0", "PORT": "8080"}.items() <= variables(rendered(service(), script)).items()  # noqa: S104
    assert not {"HOST", "PORT"} & variables(rendered(service())).keys()


def test_the_container_says_its_port() -> None:
    declared = rendered(service(), runtime(**runner(ports=[{"containerPort": 5000}])))
    by_flag = rendered(service(), runtime(**runner(args=["--port", "7000"])))
    by_variable = rendered(service(), runtime(**runner(env=[{"name": "PORT", "value": "6000"}])))
    assert [made.url.rpartition(":")[2] for made in (declared, by_flag, by_variable)] == ["5000", "7000", "6000"]
    (port,) = find(by_flag, "Service", "chat")["spec"]["ports"]
    assert (port["port"], port["targetPort"]) == (7000, 7000)


def test_placeholders_are_filled_literally_and_unknown_ones_stay() -> None:
    words = ["{{.Name}}&<x>", "{{ .Namespace }}", "{{ message.content }}", "$(UNKNOWN)", '"{{.Name}}"']
    main = engine_pod(rendered(service(), runtime(**runner(args=words))))["containers"][0]
    assert main["args"] == ["chat&<x>", "team", "{{ message.content }}", "$(UNKNOWN)", '"chat"']


def test_a_probe_of_its_own_is_kept_and_a_missing_one_connects() -> None:
    own = {"httpGet": {"path": "/health", "port": 8080}}
    kept = engine_pod(rendered(service(), runtime(**runner(readinessProbe=own))))["containers"][0]
    made = engine_pod(rendered(service()))["containers"][0]
    assert kept["readinessProbe"] == own
    assert made["readinessProbe"]["tcpSocket"] == {"port": 8080}


def test_security_defaults_give_way() -> None:
    spec = engine_pod(
        rendered(
            service(
                engine={
                    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "Unconfined"}},
                    "runner": {"securityContext": {"allowPrivilegeEscalation": True}},
                    "containers": [{"name": "root", "image": "r", "securityContext": {"privileged": True}}],
                    "serviceAccountName": "own",
                }
            )
        )
    )
    assert spec["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "Unconfined"}}
    assert spec["containers"][0]["securityContext"] == {"allowPrivilegeEscalation": True}
    assert spec["containers"][1]["securityContext"] == {"privileged": True}
    assert "automountServiceAccountToken" not in spec


def test_node_selectors_merge_and_the_service_wins() -> None:
    accelerator = {
        "spec": {
            "discovery": {"nodeSelector": {"gpu": "class", "zone": "class"}, "affinity": {"nodeAffinity": {}}},
            "resources": [{"name": "example.com/gpu"}],
        }
    }
    base = runner()
    base["engineConfig"] |= {"nodeSelector": {"gpu": "runtime", "zone": "runtime", "disk": "runtime"}}
    made = rendered(
        service(engine={"nodeSelector": {"zone": "service"}}),
        runtime(**base),
        choice=Choice(runtime="tiny", accelerator="c", parallelism=Parallelism(tensor=2, pipeline=3)),
        accelerator=accelerator,
    )
    spec = engine_pod(made)
    assert spec["nodeSelector"] == {
        "models.ome.io/clusterbasemodel.smollm2": "Ready",
        "gpu": "class",
        "zone": "service",
        "disk": "runtime",
    }
    assert spec["affinity"] == {"nodeAffinity": {}}
    devices = {"example.com/gpu": "6"}
    assert spec["containers"][0]["resources"] == {"requests": devices, "limits": devices}
    assert variables(made)["PARALLELISM_SIZE"] == "6"


def test_resources_and_affinity_of_the_service_stay_beside_a_class() -> None:
    own = {"limits": {"nvidia.com/gpu": "1"}}
    made = rendered(
        service(engine={"affinity": {"podAffinity": {}}, "runner": {"resources": own}}),
        choice=Choice(runtime="tiny", accelerator="nvidia-h100-80gb", parallelism=Parallelism(tensor=8)),
        accelerator=example("accelerators", "nvidia-h100-80gb"),
    )
    assert engine_pod(made)["affinity"] == {"podAffinity": {}}
    assert engine_pod(made)["containers"][0]["resources"] == own


def test_without_a_class_the_devices_are_those_that_the_container_limits() -> None:
    limits = {"limits": {"nvidia.com/gpu": 4, "memory": "1Gi"}}
    assert variables(rendered(service(), runtime(**runner(resources=limits))))["PARALLELISM_SIZE"] == "4"


def test_a_model_in_a_claim_is_mounted_from_there_on_any_node() -> None:
    spec = engine_pod(rendered(service(), served=placed(uri="pvc://weights/models/smollm2/")))
    (volume,) = spec["volumes"]
    (mount,) = spec["containers"][0]["volumeMounts"]
    assert volume["persistentVolumeClaim"] == {"claimName": "weights"}
    assert mount == {
        "name": volume["name"], "mountPath": "/mnt/models/smollm2", "readOnly": True, "subPath": "models/smollm2",
    }  # fmt: skip
    assert "nodeSelector" not in spec or not spec["nodeSelector"]


def test_a_claim_of_another_namespace_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="namespace other.*cannot mount it"):
        placed(uri="pvc://other:weights/m")


def test_a_volume_of_the_models_name_stays_beside_it() -> None:
    own = {"name": "smollm2", "emptyDir": {}}
    spec = engine_pod(rendered(service(engine={"volumes": [own]})))
    assert spec["volumes"][0] == own
    assert spec["volumes"][1]["hostPath"]["path"] == "/mnt/models/smollm2"
    assert spec["volumes"][1]["name"] == spec["containers"][0]["volumeMounts"][0]["name"] != "smollm2"


def test_a_mount_at_the_models_path_is_the_authors_own_way() -> None:
    mounts = [{"name": "mine", "mountPath": "/mnt/models/smollm2"}]
    spec = engine_pod(
        rendered(service(engine={"volumes": [{"name": "mine", "emptyDir": {}}], "runner": {"volumeMounts": mounts}}))
    )
    assert [volume["name"] for volume in spec["volumes"]] == ["mine"]
    assert "nodeSelector" not in spec


def test_labels_of_users_never_take_pods_away_from_their_service() -> None:
    made = rendered(service(engine={"labels": {"component": "other", "app": "own", "x": "1"}}))
    labels = find(made, "Deployment", "chat-engine")["spec"]["template"]["metadata"]["labels"]
    assert (labels["component"], labels["app"], labels["x"]) == ("engine", "own", "1")


def test_fields_that_nothing_reads_are_told() -> None:
    made = rendered(service(engine={"containerConcurrency": 3}))
    assert made.warnings == ("spec.engine.containerConcurrency: has no effect on a Deployment",)


def test_other_files_under_the_same_path_make_new_pods() -> None:
    served = placed()
    digests = {
        find(rendered(service(), served=one), "Deployment", "chat-engine")["spec"]["template"]["metadata"][
            "annotations"
        ][TEMPLATE_DIGEST]
        for one in (served, served.model_copy(update={"digest": "cd" * 32}))
    }
    assert len(digests) == 2


_word = st.text(string.ascii_lowercase, min_size=1, max_size=6)
_env = st.lists(_word, unique=True).map(lambda names: [{"name": name, "value": name} for name in names])
_engines = st.fixed_dictionaries(
    {},
    optional={
        "minReplicas": st.integers(1, 5),
        "labels": st.dictionaries(_word, _word, max_size=3),
        "nodeSelector": st.dictionaries(_word, _word, max_size=3),
        "tolerations": st.lists(st.fixed_dictionaries({"key": _word}), max_size=2),
        "runner": st.fixed_dictionaries({}, optional={"image": _word, "env": _env}),
    },
)


@given(runtime_engine=_engines, engine=_engines)
def test_rendering_is_deterministic_and_keeps_what_is_given(
    runtime_engine: dict[str, Any], engine: dict[str, Any]
) -> None:
    base = {**runtime_engine, "runner": {"image": "base", **runtime_engine.get("runner", {})}}
    of_service, of_runtime = service(engine=engine), runtime(engineConfig=base)
    made = rendered(of_service, of_runtime)
    assert made == rendered(copy.deepcopy(of_service), copy.deepcopy(of_runtime))
    spec = engine_pod(made)
    selector = {**base.get("nodeSelector", {}), **engine.get("nodeSelector", {})}
    assert selector.items() <= spec["nodeSelector"].items()
    env = {entry["name"]: entry["value"] for entry in spec["containers"][0]["env"]}
    for given_env in (base["runner"].get("env", []), engine.get("runner", {}).get("env", [])):
        assert all(env[entry["name"]] == entry["value"] for entry in given_env)
    assert spec["containers"][0]["image"] == engine.get("runner", {}).get("image", base["runner"]["image"])
    assert find(made, "Deployment", "chat-engine")["spec"]["replicas"] == engine.get(
        "minReplicas", base.get("minReplicas", 1)
    )
