"""Clients of OCI Object Storage: from a storage URI and its parameters to the SDK's client, and its signature of URLs.

The SDK is optional (`pip install 'ome-pipelines[oci]'`): it is large, and the image of the steps has a part of it. It
retries nothing itself but the asking for tokens: that is for `steps.sources.patience`. OME's four kinds of
`parameters.auth` are taken, in its spelling or with underscores.
"""

import configparser
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from crds.storage_uri import OciUri
from steps.credentials import credential, credential_file
from steps.errors import AuthError, InvalidInputError, NetworkError, UnsupportedError
from steps.sources.patience import TransferSettings

if TYPE_CHECKING:
    from oci.object_storage import ObjectStorageClient  # type: ignore[import-untyped]

ENDPOINT: Final = "OCI_OBJECT_STORAGE_ENDPOINT"
AUTH: Final = ("UserPrincipal", "InstancePrincipal", "ResourcePrincipal", "OkeWorkloadIdentity")
CREDENTIALS: Final = (
    "Set OCI_CONFIG_FILE and OCI_CONFIG_PROFILE to a profile that may use the bucket, or name a Secret with the file "
    "under OCI_CONFIG_FILE and its private key under OCI_KEY_FILE in spec.storage.key; for the identity of node or "
    "pod set auth in spec.storage.parameters to one of InstancePrincipal, ResourcePrincipal, OkeWorkloadIdentity."
)
_PROJECTED: Final = "OCI_KUBERNETES_SERVICE_ACCOUNT_TOKEN_PATH"
"""Variable beside the SDK's own for the certificate: a token that is projected into the pod elsewhere than usual."""
_CONNECT_SECONDS: Final = 30.0


def open_client(uri: OciUri, parameters: Mapping[str, str]) -> "ObjectStorageClient":
    """A client of the URI's region, with the credentials at hand.

    Args:
        uri: Its region goes before that of the parameters, and that before the profile's.
        parameters: `auth`, `endpoint` and `region`.

    Raises:
        UnsupportedError: when the SDK is not installed.
        InvalidInputError: names a parameter, or what is wrong with the profile.
        AuthError: when the machine has no identity of the kind that is asked for.
    """
    try:
        from oci import circuit_breaker, retry  # type: ignore[import-untyped]
        from oci.object_storage import ObjectStorageClient
    except ImportError:
        raise UnsupportedError(
            f"{uri}: OCI's SDK is not installed here",
            remedy="`.venv/bin/python -m pip install 'oci>=2.189,<3'`; the image of the steps has it.",
        ) from None
    config, signer = _identity(uri, parameters)
    if region := uri.region or parameters.get("region", ""):
        config["region"] = region
    stall = TransferSettings.from_environment().stall_seconds
    options: dict[str, Any] = {
        "retry_strategy": retry.NoneRetryStrategy(),
        "circuit_breaker_strategy": circuit_breaker.NoCircuitBreakerStrategy(),
        "timeout": (min(_CONNECT_SECONDS, stall), stall),
    }
    if signer is not None:
        options["signer"] = signer
    if endpoint := parameters.get("endpoint") or credential(ENDPOINT):
        options["service_endpoint"] = endpoint.rstrip("/")
    elif not config.get("region") and not getattr(signer, "region", ""):
        raise InvalidInputError(
            f"{uri}: no region is given",
            remedy="Name it in the URI (oci://NAMESPACE@REGION/BUCKET/PREFIX) or in spec.storage.parameters.region.",
        )
    return _checked(uri, lambda: ObjectStorageClient(config, **options))


def signed_headers(client: "ObjectStorageClient", subject: str, url: str) -> dict[str, str]:
    """Headers with which the client's identity may GET a URL for the next minutes; for one thread at a time.

    Args:
        client: Has the identity, and asks its service for the next token before the last one ends.
        subject: Begins the messages of errors.
        url: What is to be read.

    Raises:
        NetworkError: when the identity's service cannot be asked for its next token.
        AuthError: when there is no next token.
    """
    from oci._vendor.requests import PreparedRequest  # type: ignore[import-untyped]
    from oci._vendor.requests.structures import CaseInsensitiveDict  # type: ignore[import-untyped]

    request = PreparedRequest()
    request.method, request.url, request.headers = "GET", url, CaseInsensitiveDict()
    signer = client.base_client.signer
    try:
        if hasattr(signer, "get_security_token"):  # a resource principal's: it reads a new token only when told to
            signer.get_security_token()
        signer(request)
    except Exception as error:  # noqa: BLE001 - the SDK's signers raise what comes, OSError and ValueError among it
        raise without_token(subject, error) from None
    headers: Mapping[str, str] = request.headers
    return {"Authorization": headers["authorization"], "Date": headers["date"]}


def has_tokens(client: "ObjectStorageClient") -> bool:
    """Whether the client's identity has tokens that end, and asks for the next."""
    return hasattr(client.base_client.signer, "refresh_security_token")


def without_token(subject: str, error: Exception) -> NetworkError | AuthError:
    """What it means that a signer failed: its service cannot be asked now, or gives no further token.

    Args:
        subject: Begins the message.
        error: What the signer raised.
    """
    from oci import exceptions
    from oci._vendor.requests import RequestException

    message = f"{subject}: the identity's next token cannot be had ({_told(error)})"
    is_refusal = isinstance(error, exceptions.ServiceError) and error.status < 500 and error.status != 429
    unasked = (exceptions.ServiceError, exceptions.BaseRequestException, RequestException)
    if isinstance(error, unasked) and not is_refusal:
        return NetworkError(message)
    return AuthError(message, remedy=CREDENTIALS)


def _told(error: Exception) -> str:
    """What the SDK raised, in a line."""
    from oci import exceptions

    told = f"{type(error).__name__}: {error}"
    if isinstance(error, exceptions.ServiceError):
        told = f"HTTP {error.status}: {error.message}"
    return told.splitlines()[0][:200]


def _identity(uri: OciUri, parameters: Mapping[str, str]) -> tuple[dict[str, Any], Any]:
    """The SDK's configuration, and a signer where it is not the configuration's own key."""
    auth = parameters.get("auth", "")
    kinds = {kind.lower(): kind for kind in AUTH}
    kind = kinds.get(auth.replace("_", "").lower(), "")
    if auth and not kind:
        raise InvalidInputError(
            f'parameters.auth: "{auth}" is not known for oci://',
            remedy=f"Accepted: {', '.join(AUTH)}; without it, the profile of OCI_CONFIG_FILE where there is one, else "
            "InstancePrincipal.",
        )
    file = credential_file("OCI_CONFIG_FILE") or str(Path.home() / ".oci" / "config")
    if kind == "UserPrincipal" or (not kind and Path(file).is_file()):
        return _profile(uri, file)
    from oci.auth import signers  # type: ignore[import-untyped]

    makers = {
        "InstancePrincipal": signers.InstancePrincipalsSecurityTokenSigner,
        "ResourcePrincipal": signers.get_resource_principals_signer,
        "OkeWorkloadIdentity": lambda: signers.get_oke_workload_identity_resource_principal_signer(
            service_account_token_path=os.environ.get(_PROJECTED) or None
        ),
    }
    kind = kind or "InstancePrincipal"
    try:
        return {}, makers[kind]()
    except Exception as error:  # noqa: BLE001 - the SDK's signers raise what comes, OSError and ValueError among it
        raise AuthError(f"{uri}: this machine or pod has no {kind} ({_told(error)})", remedy=CREDENTIALS) from None


def _profile(uri: OciUri, file: str) -> tuple[dict[str, Any], Any]:
    from oci import config as configuration
    from oci.auth import signers
    from oci.signer import load_private_key_from_file  # type: ignore[import-untyped]

    name = credential("OCI_CONFIG_PROFILE") or "DEFAULT"
    key = credential_file("OCI_KEY_FILE")

    def read() -> dict[str, Any]:
        if not key:
            return dict(configuration.from_file(file, name))
        profiles = configparser.ConfigParser(interpolation=None)
        profiles.read(file)
        if name not in profiles:
            raise ValueError(f'{file} has no profile "{name}"')
        return {**configuration.DEFAULT_CONFIG, **profiles[name], "key_file": key}  # the SDK insists on the profile's

    found = _checked(uri, read)
    if not found.get("security_token_file"):
        _checked(uri, lambda: configuration.validate_config(found))
        return found, None

    def signer() -> Any:
        token = Path(found["security_token_file"]).expanduser().read_text().strip()
        return signers.SecurityTokenSigner(
            token, load_private_key_from_file(found["key_file"], found.get("pass_phrase"))
        )

    return found, _checked(uri, signer)


def _checked(uri: OciUri, call: Any) -> Any:
    """What a call gives; what the SDK or the disk says of a profile becomes a message."""
    from oci import exceptions

    try:
        return call()
    except (exceptions.ClientError, OSError, ValueError, KeyError) as error:
        told = " ".join(str(error).split())[:300]
        raise InvalidInputError(f"{uri}: OCI's configuration cannot be used: {told}", remedy=CREDENTIALS) from None
