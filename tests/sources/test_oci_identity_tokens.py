"""`oci://` reads with the tokens that OCI gives an instance and a pod of OKE, and has them renewed before they end."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from steps.cache import import_model, models_root
from steps.cache.store import ObjectStore
from steps.errors import AuthError
from steps.manifest import FileEntry, Manifest
from steps.sources import RemoteAddress, ResolveOptions, Source, open_source
from tests.importing.models import contents
from tests.sources.background import Background
from tests.sources.harness import SourceHarness
from tests.sources.oci_harness import OciHarness
from tests.sources.oci_identity_services import ENDING, FRESH, IdentityServices

FILES = {"config.json": b'{"architectures": []}'}
PATIENCE = 60

pytestmark = pytest.mark.parametrize("harness", ["oci"], indirect=True)
both = pytest.mark.parametrize("auth", ["InstancePrincipal", "OkeWorkloadIdentity"])


@pytest.fixture
def model(harness: SourceHarness, monkeypatch: pytest.MonkeyPatch) -> OciHarness:
    """A bucket with one file, and no profile that says who reads it."""
    assert isinstance(harness, OciHarness)
    harness.put(FILES)
    monkeypatch.delenv("OCI_CONFIG_FILE")
    return harness


@pytest.fixture
def services(
    model: OciHarness, background: Background, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[IdentityServices]:
    """The services that know this machine, as an instance and as a pod."""
    services = IdentityServices(tmp_path, model.trust)
    with services.serving(background) as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        yield services


def resolve(model: OciHarness, **parameters: str) -> Manifest:
    return open_source(model.uri, parameters).resolve(ResolveOptions())


def opened(model: OciHarness, services: IdentityServices, auth: str) -> tuple[Source, FileEntry]:
    """A source whose token ends soon, and its file; the next tokens are good for long."""
    services.lifetime = ENDING
    source = open_source(model.uri, {"auth": auth})
    (file,) = source.resolve(ResolveOptions()).files
    services.lifetime = FRESH
    return source, file


@pytest.mark.parametrize("parameters", [{"auth": "InstancePrincipal"}, {"auth": "OkeWorkloadIdentity"}, {}])
def test_its_tokens_list_and_read(model: OciHarness, services: IdentityServices, parameters: dict[str, str]) -> None:
    manifest = resolve(model, **parameters)
    assert contents(import_model(manifest, "model").path) == FILES
    assert services.given and services.refused == []


@both
def test_the_next_token_is_asked_for_before_the_last_one_ends(
    model: OciHarness, services: IdentityServices, auth: str
) -> None:
    source, file = opened(model, services, auth)
    for ended in services.given:
        model.distrust(ended)
    assert source.read(file, 0, file.size) == FILES["config.json"]


@both
def test_threads_that_need_the_next_token_ask_for_it_once(
    model: OciHarness, services: IdentityServices, auth: str
) -> None:
    source, file = opened(model, services, auth)
    address = source.address(file)
    assert isinstance(address, RemoteAddress) and address.renew is not None
    before = len(services.given)
    services.asked.clear()
    services.may_answer.clear()
    with ThreadPoolExecutor(8) as pool:
        renewed = [pool.submit(address.renew) for _ in range(8)]
        assert services.asked.wait(PATIENCE)
        services.may_answer.set()
        assert all("Authorization" in each.result().headers for each in renewed)
    assert len(services.given) == before + 1


@both
def test_a_token_that_is_refused_is_an_error_of_access(
    model: OciHarness, services: IdentityServices, auth: str
) -> None:
    source, file = opened(model, services, auth)
    services.refuses = True
    with pytest.raises(AuthError, match=r"config\.json: the identity's next token cannot be had \(HTTP 403") as caught:
        source.read(file, 0, file.size)
    assert auth in caught.value.remedy
    with pytest.raises(AuthError, match=f"has no {auth}"):
        resolve(model, auth=auth)


@both
def test_others_import_while_a_token_is_waited_for(model: OciHarness, services: IdentityServices, auth: str) -> None:
    manifest = resolve(model, auth=auth)
    services.asked.clear()
    services.may_answer.clear()
    with ThreadPoolExecutor(2) as pool:
        importing = pool.submit(import_model, manifest, "model")
        try:
            assert services.asked.wait(PATIENCE)
            pool.submit(_take_the_store).result(PATIENCE / 3)
        finally:
            services.may_answer.set()
        assert contents(importing.result().path) == FILES


def _take_the_store() -> None:
    with ObjectStore(models_root()).locked():
        pass
