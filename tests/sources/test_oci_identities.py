"""`oci://` finds its identity, its region and its namespace where users have them, and says what it lacks."""

import sys
import time
from pathlib import Path

import jwt
import pytest

from steps.cache import import_model
from steps.errors import AuthError, InvalidInputError, UnsupportedError
from steps.manifest import Manifest
from steps.sources import ResolveOptions, open_source
from tests.importing.models import contents
from tests.sources.harness import SourceHarness
from tests.sources.oci_harness import BUCKET, NAMESPACE, OciHarness

CONTENT = b'{"architectures": []}'


pytestmark = pytest.mark.parametrize("harness", ["oci"], indirect=True)


@pytest.fixture
def model(harness: SourceHarness) -> OciHarness:
    """A bucket with one file, and the environment of one who may read it."""
    assert isinstance(harness, OciHarness)
    harness.put({"config.json": CONTENT})
    return harness


def resolve(uri: str, **parameters: str) -> Manifest:
    return open_source(uri, parameters).resolve(ResolveOptions())


def loose(model: OciHarness, place: str = "") -> str:
    return f"oci://{place}{BUCKET}/{model.prefix}"


def config_of(model: OciHarness) -> Path:
    return Path(model.environment["OCI_CONFIG_FILE"])


@pytest.mark.parametrize("place", ["", f"{NAMESPACE}@eu-frankfurt-1/"])
def test_all_forms_of_a_uri_name_the_same_files(model: OciHarness, place: str) -> None:
    strict, found = resolve(model.uri), resolve(loose(model, place))
    assert found.files == strict.files
    (file,) = found.files
    assert open_source(found.uri).read(file, 0, file.size) == CONTENT


def test_a_secrets_key_goes_before_the_profiles(
    model: OciHarness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = config_of(model).read_text()
    key = Path(text.partition("key_file=")[2].strip())
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "OCI_CONFIG_FILE").write_text(text.replace(str(key), "/home/of/another/key.pem"))
    (secret / "OCI_KEY_FILE").write_text(key.read_text())
    monkeypatch.delenv("OCI_CONFIG_FILE")
    monkeypatch.setenv("OME_SOURCE_SECRET", str(secret))
    assert [file.path for file in resolve(model.uri).files] == ["config.json"]


def test_a_session_token_signs(model: OciHarness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token, config = tmp_path / "token", tmp_path / "config"
    token.write_text("a-sessions-token")
    config.write_text(config_of(model).read_text() + f"security_token_file={token}\n")
    monkeypatch.setenv("OCI_CONFIG_FILE", str(config))
    with pytest.raises(AuthError, match="HTTP 401"):
        resolve(model.uri)
    model.trust("ST$a-sessions-token")
    assert [file.path for file in resolve(model.uri).files] == ["config.json"]


class ResourcePrincipal:
    """The identity that OKE and functions write into files, version 2.2, and name in the environment.

    Args:
        model: Knows the key.
        folder: For the token's file.
    """

    def __init__(self, model: OciHarness, folder: Path) -> None:
        self._model = model
        self._token_file = folder / "rpst"
        self.environment = {
            "OCI_RESOURCE_PRINCIPAL_VERSION": "2.2",
            "OCI_RESOURCE_PRINCIPAL_RPST": str(self._token_file),
            "OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM": config_of(model).read_text().partition("key_file=")[2].strip(),
            "OCI_RESOURCE_PRINCIPAL_REGION": "us-ashburn-1",
        }

    def write_token(self, seconds: int) -> str:
        """Write a token that is good for so long, and have the server take it; gives its key id."""
        claims = {"res_tenant": "acme", "res_compartment": "models", "exp": int(time.time()) + seconds}
        token = jwt.encode(claims, "of the service that gives tokens, which the SDK does not check")
        self._token_file.write_text(token)
        self._model.trust(f"ST${token}")
        return f"ST${token}"

    def remove_token(self) -> None:
        """Have no token where one was."""
        self._token_file.unlink()


@pytest.fixture
def principal(model: OciHarness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ResourcePrincipal:
    """No profile, and the files of a resource principal."""
    principal = ResourcePrincipal(model, tmp_path)
    monkeypatch.delenv("OCI_CONFIG_FILE")
    for name, value in principal.environment.items():
        monkeypatch.setenv(name, value)
    return principal


def test_a_resource_principal_lists_and_reads(model: OciHarness, principal: ResourcePrincipal) -> None:
    ended = principal.write_token(3600)
    model.distrust(ended)
    with pytest.raises(AuthError, match="HTTP 401"):
        resolve(model.uri, auth="ResourcePrincipal")
    principal.write_token(3601)
    manifest = resolve(model.uri, auth="ResourcePrincipal")
    assert contents(import_model(manifest, "model").path) == {"config.json": CONTENT}


def test_a_resource_principals_next_token_is_read_before_the_first_ends(
    model: OciHarness, principal: ResourcePrincipal
) -> None:
    first = principal.write_token(30)
    source = open_source(model.uri, {"auth": "ResourcePrincipal"})
    (file,) = source.resolve(ResolveOptions()).files
    principal.write_token(3600)
    model.distrust(first)
    assert source.read(file, 0, file.size) == CONTENT


def test_a_resource_principals_token_that_is_gone_is_an_error_of_access(
    model: OciHarness, principal: ResourcePrincipal
) -> None:
    principal.write_token(30)
    source = open_source(model.uri, {"auth": "ResourcePrincipal"})
    (file,) = source.resolve(ResolveOptions()).files
    principal.remove_token()
    with pytest.raises(AuthError, match=r"config\.json: the identity's next token cannot be had") as caught:
        source.read(file, 0, file.size)
    assert "ResourcePrincipal" in caught.value.remedy


def test_a_resource_principals_token_that_is_gone_while_listing_is_an_error_of_access(
    model: OciHarness, principal: ResourcePrincipal
) -> None:
    model.distrust(principal.write_token(3600))
    source = open_source(model.uri, {"auth": "ResourcePrincipal"})
    principal.remove_token()
    with pytest.raises(AuthError, match="next token cannot be had"):
        source.resolve(ResolveOptions())


def test_other_kinds_of_identity_are_asked_for_by_name(
    model: OciHarness, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for auth in ("ResourcePrincipal", "resource_principal", "OkeWorkloadIdentity"):
        with pytest.raises(AuthError, match=r"has no (ResourcePrincipal|OkeWorkloadIdentity)") as caught:
            resolve(model.uri, auth=auth)
        assert "OCI_CONFIG_FILE" in caught.value.remedy
    with pytest.raises(InvalidInputError, match='parameters.auth: "Password" is not known') as refused:
        resolve(model.uri, auth="Password")
    assert "InstancePrincipal" in refused.value.remedy


def test_what_is_wrong_with_a_profile_is_told(
    model: OciHarness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OCI_CONFIG_PROFILE", "NOBODY")
    with pytest.raises(InvalidInputError, match="NOBODY") as caught:
        resolve(model.uri)
    assert "OCI_CONFIG_PROFILE" in caught.value.remedy
    monkeypatch.delenv("OCI_CONFIG_PROFILE")
    broken = tmp_path / "config"
    broken.write_text("[DEFAULT]\nuser=me\n")
    monkeypatch.setenv("OCI_CONFIG_FILE", str(broken))
    with pytest.raises(InvalidInputError, match="configuration cannot be used"):
        resolve(model.uri)
    monkeypatch.setenv("OCI_CONFIG_FILE", str(tmp_path / "nothing"))
    with pytest.raises(InvalidInputError, match="configuration cannot be used"):
        resolve(model.uri, auth="UserPrincipal")


def test_an_endpoint_that_does_not_answer_is_named(model: OciHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OME_TRANSFER_ATTEMPTS", "1")
    with pytest.raises(Exception, match=r"127\.0\.0\.1:9.* cannot be reached"):
        resolve(model.uri, endpoint="http://127.0.0.1:9")


def test_without_the_sdk_the_remedy_installs_it(model: OciHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "oci", None)
    monkeypatch.setitem(sys.modules, "oci.object_storage", None)
    with pytest.raises(UnsupportedError, match="SDK is not installed") as caught:
        resolve(model.uri)
    assert "pip install 'oci" in caught.value.remedy
