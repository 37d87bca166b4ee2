"""Artifacts of a registry: which layers are files, which manifest of an index is the model, and what is refused."""

import json

import pytest
from aiohttp import web

from steps.cache import import_model
from steps.errors import (
    AuthError,
    IntegrityError,
    InvalidInputError,
    NetworkError,
    NotFoundError,
    OmeError,
    RateLimitedError,
    UnsupportedError,
)
from steps.manifest import FileEntry, Manifest
from steps.sources import ResolveOptions, open_source
from tests.hub.faults import Fault
from tests.sources.artifact_harness import TAG, ArtifactHarness
from tests.sources.background import Background
from tests.sources.conformance import contents
from tests.sources.harness import SourceHarness
from tests.sources.registry_server import FILEPATH, TITLE, Layer, digest_of

CONFIG, WEIGHTS = b'{"model_type": "llama"}', b"weights" * 1000
FILES = {"config.json": CONFIG, "weights/model.safetensors": WEIGHTS}
IMAGE_CONFIG = "application/vnd.oci.image.config.v1+json"
IMAGE_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
UNPACK = "io.deis.oras.content.unpack"

pytestmark = pytest.mark.parametrize("harness", ["artifact"], indirect=True)


@pytest.fixture
def model(harness: SourceHarness) -> ArtifactHarness:
    """An empty repository, and the environment of one who may read it."""
    assert isinstance(harness, ArtifactHarness)
    return harness


def resolve(uri: str, **parameters: str) -> Manifest:
    return open_source(uri, parameters).resolve(ResolveOptions())


def place(model: ArtifactHarness) -> str:
    return f"oci://{model.host}/{model.repository.name}"


def layers(annotation: str = FILEPATH, media_type: str = "application/vnd.cncf.model.weight.v1.raw") -> list[Layer]:
    return [Layer(content, media_type, {annotation: path}) for path, content in FILES.items()]


def refused(model: ArtifactHarness, kind: type[OmeError], uri: str = "") -> OmeError:
    with pytest.raises(kind) as caught:
        resolve(uri or model.uri)
    assert (uri or model.uri) in caught.value.message
    assert caught.value.remedy
    return caught.value


@pytest.mark.parametrize(
    ("annotation", "media_type", "artifact_type", "config_type"),
    [
        (FILEPATH, "application/vnd.cncf.model.weight.config.v1.raw", "application/vnd.cncf.model.manifest.v1+json",
         "application/vnd.cncf.model.config.v1+json"),
        ("org.cnai.model.filepath", "application/vnd.cnai.model.weight.v1.raw",
         "application/vnd.cnai.model.manifest.v1+json", "application/vnd.cnai.model.config.v1+json"),
        (TITLE, "application/vnd.cncf.model.weight.v1.safetensors", "", "application/vnd.cncf.model.config.v1+json"),
        (TITLE, "application/vnd.oci.image.layer.v1.tar", "application/vnd.acme.model",
         "application/vnd.oci.empty.v1+json"),
        (TITLE, "application/octet-stream", "", "application/vnd.unknown.config.v1+json"),
        (TITLE, "application/gzip", "", IMAGE_CONFIG),
    ],
    ids=["modelpack", "before-cncf", "docker-model-runner", "oras-1", "oras-0", "oras-with-an-image-config"],
)  # fmt: skip
def test_each_layout_gives_its_files(
    model: ArtifactHarness, annotation: str, media_type: str, artifact_type: str, config_type: str
) -> None:
    pushed = model.repository.push(
        layers(annotation, media_type), TAG, artifact_type=artifact_type, config_type=config_type
    )
    manifest = resolve(model.uri)
    assert manifest.revision == pushed["digest"]
    assert {file.path: f"sha256:{file.digest}" for file in manifest.files} == {
        path: digest_of(content) for path, content in FILES.items()
    }
    assert contents(import_model(manifest, "model").path) == FILES


def test_the_models_own_annotation_goes_before_the_title(model: ArtifactHarness) -> None:
    model.repository.push([Layer(CONFIG, annotations={TITLE: "blob", FILEPATH: "sub/config.json"})], TAG)
    assert [file.path for file in resolve(model.uri).files] == ["sub/config.json"]


def test_a_digest_names_what_was_pushed_first(model: ArtifactHarness) -> None:
    model.put(FILES)
    pinned = f"{place(model)}@{resolve(model.uri).revision}"
    with_tag = pinned.replace("@", f":{TAG}@")
    model.put({"config.json": b"[]"})
    for uri in (pinned, with_tag):
        manifest = resolve(uri)
        (file,) = (file for file in manifest.files if file.path == "config.json")
        assert open_source(manifest.uri, manifest.parameters).read(file, 0, 99) == CONFIG


@pytest.mark.parametrize("ending", ["tar", "tar+gzip", "tar+zstd"])
def test_archives_of_modelpack_are_refused_with_what_to_push(model: ArtifactHarness, ending: str) -> None:
    kind = f"application/vnd.cncf.model.weight.v1.{ending}"
    model.repository.push([*layers(), Layer(b"archive", kind, {FILEPATH: "weights"})], TAG)
    error = refused(model, UnsupportedError)
    assert f'"weights" is an archive ({kind})' in error.message
    assert "raw" in error.remedy and "local:///path" in error.remedy


@pytest.mark.parametrize(
    ("media_type", "more"), [(IMAGE_LAYER, {}), ("application/vnd.oci.image.layer.v1.tar", {UNPACK: "true"})]
)
def test_folders_of_oras_are_refused(model: ArtifactHarness, media_type: str, more: dict[str, str]) -> None:
    model.repository.push([Layer(b"archive", media_type, {TITLE: "weights", **more})], TAG, artifact_type="")
    assert '"weights" is an archive' in refused(model, UnsupportedError).message


def test_a_layer_without_a_name_is_refused(model: ArtifactHarness) -> None:
    model.repository.push([*layers(), Layer(b"nameless")], TAG)
    error = refused(model, UnsupportedError)
    assert digest_of(b"nameless") in error.message and FILEPATH in error.remedy


def test_a_container_image_is_no_model(model: ArtifactHarness) -> None:
    model.repository.push([Layer(b"image", IMAGE_LAYER)], TAG, artifact_type="", config_type=IMAGE_CONFIG)
    assert "a container image" in refused(model, UnsupportedError).message


def test_an_index_gives_its_only_entry_or_its_only_model(model: ArtifactHarness) -> None:
    pushed = model.repository.push(layers())
    other = model.repository.push([Layer(b"image", IMAGE_LAYER)], artifact_type="", config_type=IMAGE_CONFIG)
    for entries in ([pushed], [other, pushed]):
        model.repository.push_index(entries, TAG)
        manifest = resolve(model.uri)
        assert manifest.revision == pushed["digest"]
        assert len(manifest.files) == len(FILES)


def test_an_index_of_several_models_or_of_none_is_refused(model: ArtifactHarness) -> None:
    first, second = model.repository.push(layers()), model.repository.push(layers()[:1])
    model.repository.push_index([first, second], TAG)
    error = refused(model, UnsupportedError)
    assert "2 may be the model" in error.message and first["digest"] in error.message
    assert "@sha256:" in error.remedy
    index = model.repository.push_index([first], "nested")
    model.repository.push_index([index], TAG)
    assert "an index of 1 manifests" in refused(model, UnsupportedError).message
    model.repository.push_index([], TAG)
    assert "an index of 0 manifests" in refused(model, UnsupportedError).message


def test_what_is_not_there_is_named(model: ArtifactHarness) -> None:
    model.put(FILES)
    assert "no such tag" in refused(model, NotFoundError, f"{place(model)}:v2").message
    nowhere = refused(model, NotFoundError, f"oci://{model.host}/acme/nothing-was-pushed:v1")
    assert "no such repository" in nowhere.message
    assert "no such tag or digest" in refused(model, NotFoundError, f"{place(model)}@sha256:{'0a' * 32}").message


def test_a_manifest_that_is_not_its_digest_is_refused(model: ArtifactHarness) -> None:
    model.put(FILES)
    revision = resolve(model.uri).revision
    model.proxy.rewrite = lambda _, body: body.replace(b"config.json", b"other_.json")
    for uri in (model.uri, f"{place(model)}@{revision}"):
        assert revision in refused(model, IntegrityError, uri).message


def test_another_manifest_than_the_digests_is_refused_without_the_registrys_word(model: ArtifactHarness) -> None:
    other = digest_of(b"what nobody pushed")

    async def answer(request: web.Request) -> web.Response | None:
        is_asked = other in request.path
        kind = "application/vnd.oci.image.manifest.v1+json"
        return web.Response(body=b"{}", headers={"Content-Type": kind}) if is_asked else None

    model.proxy.answer_first = answer
    assert other in refused(model, IntegrityError, f"{place(model)}@{other}").message


@pytest.mark.parametrize(
    ("body", "kind", "told"),
    [
        (b"<html>", "text/html", '"text/html", which is no manifest'),
        (b"<html>", "application/vnd.oci.image.manifest.v1+json", "no manifest of an OCI artifact can be read"),
        (b'{"layers": []}', "application/vnd.oci.image.manifest.v1+json", "config: "),
        (
            json.dumps(
                {
                    "config": {"mediaType": "a", "digest": "sha256:" + "0" * 64, "size": 2},
                    "layers": [{"mediaType": "a", "digest": "sha512:" + "0" * 128, "size": 2}],
                }
            ).encode(),
            "application/vnd.oci.image.manifest.v1+json",
            "layers.0.digest: ",
        ),
        (b" " * (5 << 20), "application/vnd.oci.image.manifest.v1+json", "larger than 4 MiB"),
    ],
    ids=["page", "no-json", "no-config", "sha512", "too-large"],
)
def test_what_is_no_manifest_is_told(model: ArtifactHarness, body: bytes, kind: str, told: str) -> None:
    async def answer(request: web.Request) -> web.Response | None:
        return web.Response(body=body, headers={"Content-Type": kind}) if "/manifests/" in request.path else None

    model.proxy.answer_first = answer
    assert told in refused(model, UnsupportedError).message


def test_refusals_have_their_class(model: ArtifactHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OME_TRANSFER_ATTEMPTS", "2")
    monkeypatch.setenv("OME_RATE_LIMIT_SECONDS", "1")
    model.put(FILES)
    for status, kind in ((403, AuthError), (429, RateLimitedError), (503, RateLimitedError), (500, NetworkError)):
        model.set_faults(Fault("status", path=model.listing, status=status, times=0, retry_after=60))
        error = refused(model, kind)
        assert f"HTTP {status}" in error.message


def test_without_credentials_the_remedy_says_where_to_put_them(
    model: ArtifactHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REGISTRY_USERNAME")
    model.put(FILES)
    error = refused(model, AuthError)
    assert "HTTP 401" in error.message and "asks who we are" in error.message
    assert "kubernetes.io/dockerconfigjson" in error.remedy


def test_a_revision_beside_the_uri_is_refused(model: ArtifactHarness) -> None:
    model.put(FILES)
    with pytest.raises(InvalidInputError, match='"main" is given'):
        open_source(model.uri).resolve(ResolveOptions("main"))


def test_layers_kept_elsewhere_come_without_the_password(model: ArtifactHarness, background: Background) -> None:
    """Registries in clouds answer with the signed address of an object store, which takes no further credentials."""
    model.put(FILES)
    blobs = {digest_of(content): content for content in FILES.values()}
    seen: list[str] = []

    async def store(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization", ""))
        if request.method != "GET":
            return web.Response(status=403)
        content, span = blobs[request.path.strip("/")], request.http_range
        stop = min(span.stop or len(content), len(content))
        headers = {"Content-Range": f"bytes {span.start}-{stop - 1}/{len(content)}"}
        return web.Response(status=206, body=content[span.start : stop], headers=headers)

    with background.serving(store) as url:

        async def answer(request: web.Request) -> web.Response | None:
            if "/blobs/" not in request.path or "Authorization" not in request.headers:
                return None
            return web.Response(status=307, headers={"Location": f"{url}/{request.path.rpartition('/')[2]}?signed"})

        model.proxy.answer_first = answer
        manifest = resolve(model.uri)
        file: FileEntry = manifest.files[0]
        assert open_source(model.uri).read(file, 1, 5) == FILES[file.path][1:5]
        assert contents(import_model(manifest, "model").path) == FILES
    assert seen and set(seen) == {""}


def test_an_endpoint_says_where_and_how_to_ask(model: ArtifactHarness) -> None:
    model.put(FILES)
    uri = f"oci://registry.example/{model.repository.name}:{TAG}"
    manifest = resolve(uri, endpoint=f"http://{model.host}")
    assert manifest.uri == uri
    assert contents(import_model(manifest, "model").path) == FILES
    for wrong in (
        "registry.example",
        "ftp://registry.example",
        "http://registry.example:port",
        "http://user:secret@registry.example",
    ):
        with pytest.raises(InvalidInputError, match="is no address of a registry") as caught:
            resolve(uri, endpoint=wrong)
        assert "secret" not in caught.value.message


def test_a_registry_without_https_is_not_asked_in_clear_unless_told(model: ArtifactHarness) -> None:
    """Its name is one of this machine that does not look so: the proxy answers in clear where HTTPS is spoken."""
    model.put(FILES)
    port = model.host.partition(":")[2]
    error = refused(model, UnsupportedError, f"oci://127.1:{port}/{model.repository.name}:{TAG}")
    assert "does not speak HTTPS" in error.message
    assert "endpoint" in error.remedy and "http://" in error.remedy
    assert not any("acme" in target for target in model.ledger.counts().requests)


def test_answers_that_lead_nowhere_are_told(model: ArtifactHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OME_TRANSFER_ATTEMPTS", "1")
    answers = [web.Response(status=307, headers={"Location": "/v2/round"}), web.Response(status=404, body=b"[" * 9999)]

    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=answers[0].status, headers=answers[0].headers, body=answers[0].body)

    model.proxy.answer_first = answer
    refused(model, NetworkError)
    del answers[0]
    refused(model, NotFoundError)


def test_a_host_that_does_not_answer_is_named(model: ArtifactHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OME_TRANSFER_ATTEMPTS", "1")
    with pytest.raises(NetworkError, match=r"127\.0\.0\.1:9 cannot be reached"):
        resolve("oci://127.0.0.1:9/acme/model:v1")
