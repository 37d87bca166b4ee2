"""What `crds.load` accepts, the API server accepts too: no rule of a definition is stricter than the type it is of.

Where rules say the whole grammar, the reverse is held as well. The server only validates (dry run).
"""

import string

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crds.load import load
from crds.problems import InvalidResourceError
from crds.scenario import TASKS
from tests.apiserver.client import ApiRefusedError, Object
from tests.apiserver.fixture import ApiServer
from tests.crds.samples import benchmark, model, runtime, service

FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def _is_loaded(document: Object) -> bool:
    try:
        load(document)
    except InvalidResourceError:
        return False
    return True


def _why_refused(server: ApiServer, document: Object) -> str:
    try:
        server.admin.request("POST", f"{server.admin.collection(document)}?dryRun=All", document)
    except ApiRefusedError as refusal:
        assert refusal.status == 422, refusal
        return refusal.message
    return ""


def _check(server: ApiServer, document: Object, *, is_exact: bool = False) -> None:
    why = _why_refused(server, document)
    if _is_loaded(document):
        assert why == "", document
    elif is_exact:
        assert why != "", document


SOUND_PARTS = st.from_regex(r"[a-z0-9]([-a-zA-Z0-9_.]{0,8}[a-z0-9])?", fullmatch=True)
ODD_PARTS = st.sampled_from(
    ["", "n", "b", "o", ".", "..", "a..b", "a--b", "A", "a@b", "a:b", "@", " ", "ä", "x y", "$root"]
)
REST = st.lists(SOUND_PARTS | ODD_PARTS, min_size=1, max_size=6).map("/".join)
ENDING = st.just("") | (SOUND_PARTS | ODD_PARTS).map("@{}".format)
SCHEMES = st.sampled_from(
    ["hf", "oci", "s3", "gs", "az", "pvc", "local", "vendor", "github", "x-web", "x-", "file", "HF"]
)


@FEW
@given(st.builds("{}://{}{}".format, SCHEMES, REST, ENDING))
def test_uris(ome_api_server: ApiServer, uri: str) -> None:
    _check(ome_api_server, model(storageUri=uri), is_exact=True)


HOSTS = st.sampled_from(["ghcr.io", "localhost", "127.0.0.1", "host", "-host", "a..b", "Host", "n", "host_1"])
PORTS = st.sampled_from(["", ":", ":0", ":80", ":5000", ":65535", ":65536", ":080", ":x"])
REPOSITORIES = st.sampled_from(["/m", "/org/m", "/org/m_1/x--y.z", "/Org/m", "/org//m", "/a___b", "/m/", "/", ""])
TAGS = st.sampled_from(["", ":", ":v1", ":V_1.0-x", ":.v1", ":" + "x" * 128, ":" + "x" * 129])
DIGESTS = st.sampled_from(["", "@sha256:" + "0a" * 32, "@sha256:" + "0A" * 32, "@sha256:0a", "@sha512:" + "0a" * 32])


@FEW
@given(st.builds("oci://{}{}{}{}{}".format, HOSTS, PORTS, REPOSITORIES, TAGS, DIGESTS))
def test_uris_of_artifacts(ome_api_server: ApiServer, uri: str) -> None:
    _check(ome_api_server, model(storageUri=uri), is_exact=True)


@FEW
@given(st.builds("hf://{}/{}{}".format, SOUND_PARTS, SOUND_PARTS, ENDING), SOUND_PARTS | ODD_PARTS)
def test_revisions(ome_api_server: ApiServer, uri: str, revision: str) -> None:
    _check(ome_api_server, model(storageUri=uri, parameters={"revision": revision}), is_exact=True)


@FEW
@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=20).map("/mnt{}".format))
def test_paths(ome_api_server: ApiServer, path: str) -> None:
    _check(ome_api_server, model(path=path))


NUMBERS = st.sampled_from(["0", "1", "00", "7", "128", "999999999", "1234567890", "-1", "x", ""])
PAIRS = st.lists(NUMBERS, min_size=1, max_size=3).map(",".join).map("({})".format)
SCENARIOS = st.builds("{}{}{}".format, st.sampled_from("DNUERIAX"), PAIRS, st.just("") | PAIRS.map("/{}".format))


@FEW
@given(st.sampled_from(sorted(TASKS)), st.lists(SCENARIOS | st.just("dataset"), min_size=1, max_size=2))
def test_scenarios(ome_api_server: ApiServer, task: str, scenarios: list[str]) -> None:
    _check(ome_api_server, benchmark(task=task, trafficScenarios=scenarios), is_exact=True)


WORDS = st.sampled_from(
    ["*", "?", "0", "5", "07", "23", "31", "60", "MON", "jan", "*/2", "1-5", "5/10", "x", "2,3", "SUN-SAT"]
)
SCHEDULES = st.lists(WORDS, min_size=4, max_size=6).map(" ".join) | st.sampled_from(
    ["@daily", "@every 1h30m", "@every 0s", "@every", "@Daily", " 0 3 * * * ", "0\t3  * * 1", "TZ=UTC 0 3 * * *"]
)


@FEW
@given(SCHEDULES)
def test_schedules(ome_api_server: ApiServer, schedule: str) -> None:
    _check(ome_api_server, benchmark(schedule=schedule))


SIZES = st.builds(
    "{}{}".format,
    st.sampled_from(["0", "0.5", "7", "134.52", "9999", ".5", "1e3", ""]),
    st.sampled_from(["", *"KMBTkmbtG"]),
)


@FEW
@given(SIZES, SIZES)
def test_size_ranges(ome_api_server: ApiServer, low: str, high: str) -> None:
    _check(ome_api_server, runtime(modelSizeRange={"min": low, "max": high}))


URLS = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["http://", "https://", "HTTP://", "ftp://", "//", ""]),
    st.sampled_from(["h", "a.b", "user@h", "[::1]", "127.0.0.1", "", "a b", "h_1"]),
    st.sampled_from(["", ":", ":80", ":0", ":65535", ":65536", ":x"]),
    st.sampled_from(["", "/", "/v1?q=1#f", "?x", "/a b"]),
)  # fmt: skip


@FEW
@given(URLS)
def test_urls(ome_api_server: ApiServer, url: str) -> None:
    _check(ome_api_server, service(kedaConfig={"promServerAddress": url}))


@FEW
@given(st.text(alphabet=string.digits + "+-.eE_ ", max_size=4))
def test_numbers_in_text(ome_api_server: ApiServer, number: str) -> None:
    _check(ome_api_server, service(kedaConfig={"scalingThreshold": number}), is_exact=True)
    _check(ome_api_server, benchmark(additionalRequestParams={"temperature": number}), is_exact=True)


STEPS = st.fixed_dictionaries(
    {},
    optional={
        "weight": st.sampled_from([0, 10, 50, 100]),
        "pause": st.sampled_from(["", "10m", "1h30m", "0s", "approval", "soon"]),
        "benchmark": st.just({"trafficScenarios": ["D(1,1)"]}),
    },
)
ROLLOUTS = st.fixed_dictionaries(
    {},
    optional={
        "strategy": st.sampled_from(["Recreate", "RollingUpdate", "Canary"]),
        "steps": st.lists(STEPS, max_size=3),
    },
)


@FEW
@given(ROLLOUTS)
def test_rollouts(ome_api_server: ApiServer, rollout: Object) -> None:
    _check(ome_api_server, service(rollout=rollout), is_exact=True)


COUNTS = st.sampled_from([0, 1, 3])
RUNNERS = st.sampled_from([{}, {"image": ""}, {"image": "x"}, {"name": "ome-container", "args": ["--port=1"]}])
GROUP_MEMBERS = st.fixed_dictionaries({}, optional={"runner": RUNNERS})
ENGINES = st.fixed_dictionaries(
    {},
    optional={
        "minReplicas": COUNTS,
        "maxReplicas": COUNTS,
        "minAvailable": st.sampled_from([0, 1, "50%", "100%", "101%", "x", -1]),
        "maxUnavailable": st.sampled_from([1, "0%"]),
        "runner": RUNNERS,
        "leader": GROUP_MEMBERS,
        "worker": st.fixed_dictionaries({}, optional={"size": COUNTS, "runner": RUNNERS}),
    },
)


@FEW
@given(
    st.fixed_dictionaries(
        {}, optional={"model": st.just({"name": "m"}), "engine": ENGINES, "decoder": ENGINES, "router": st.just({})}
    )
)
def test_services(ome_api_server: ApiServer, spec: Object) -> None:
    _check(ome_api_server, service() | {"spec": spec}, is_exact=True)


@FEW
@given(st.integers(50, 60), st.booleans(), st.sampled_from(["a", "1", "-", "A"]))
def test_names_of_services(ome_api_server: ApiServer, length: int, has_decoder: bool, last: str) -> None:
    document = service(engine={}, **({"decoder": {}} if has_decoder else {}))
    document["metadata"] = {"name": "a" * (length - 1) + last}
    _check(ome_api_server, document, is_exact=True)
