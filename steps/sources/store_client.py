"""Clients of object stores: from a storage URI, its parameters and the credentials at hand to an obstore store.

Clients retry nothing themselves: `steps.sources.patience` decides that for all sources alike. Without credentials a
store is asked as anyone may ask it; `parameters.auth: instance` takes the identity of the machine or the node instead.
"""

import configparser
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from crds.storage_uri import AzureUri, GcsUri, S3Uri
from steps.credentials import credential, credential_file, credentials_together
from steps.errors import AuthError, InvalidInputError
from steps.sources.patience import TransferSettings

if TYPE_CHECKING:
    from obstore.store import (
        AzureConfig,
        AzureStore,
        ClientConfig,
        GCSConfig,
        GCSStore,
        RetryConfig,
        S3Config,
        S3Store,
    )

BucketUri = S3Uri | GcsUri | AzureUri
_ENDPOINT = re.compile(r"https?://[^\s/@?#]+(/[^\s@?#]*)?")
AUTH = ("anonymous", "instance")
"""Values of `parameters.auth` for object stores; without one, the credentials that are there."""

CREDENTIALS: Mapping[str, str] = {
    "s3": "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a Secret with these keys in spec.storage.key; for "
    "the identity of the node set parameters.auth to instance.",
    "gs": "Set GOOGLE_APPLICATION_CREDENTIALS to a service account's key file, or name a Secret with the file under "
    "this key in spec.storage.key; for the identity of the node set parameters.auth to instance.",
    "az": "Set AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_TOKEN, or name a Secret with one of these keys in "
    "spec.storage.key; for the identity of the node set parameters.auth to instance.",
}
"""How to give credentials, by scheme."""


def open_store(uri: BucketUri, parameters: Mapping[str, str]) -> "S3Store | GCSStore | AzureStore":
    """A client of the URI's bucket.

    Args:
        uri: Names bucket or container.
        parameters: `auth`, `endpoint` and `region`; others are not for stores.

    Raises:
        InvalidInputError: names the parameter and what is accepted.
        AuthError: when credentials are not in the form that the store has.
    """
    auth = parameters.get("auth", "")
    if auth and auth not in AUTH:
        raise InvalidInputError(
            f'parameters.auth: "{auth}" is not known for {uri.scheme}://',
            remedy=f"Accepted: {', '.join(AUTH)}; without it, the credentials that are given.",
        )
    from obstore.exceptions import BaseError

    try:
        if isinstance(uri, S3Uri):
            return _open_s3(uri, parameters, auth)
        return _open_gcs(uri, parameters, auth) if isinstance(uri, GcsUri) else _open_azure(uri, parameters, auth)
    except BaseError as error:
        told = str(error).strip().splitlines()[0][:200]
        raise AuthError(f"{uri}: the credentials cannot be used: {told}", remedy=CREDENTIALS[uri.scheme]) from None


def _open_s3(uri: S3Uri, parameters: Mapping[str, str], auth: str) -> "S3Store":
    from obstore.store import S3Store

    profile = _aws_profile()
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    key, secret, token = credentials_together(*names)
    if not key:
        key, secret, token = (profile.get(name.lower(), "") for name in names)
    region = (
        uri.region or parameters.get("region", "") or credential("AWS_REGION", "AWS_DEFAULT_REGION")
        or profile.get("region", "") or "us-east-1"
    )  # fmt: skip
    config: S3Config = {"region": region}
    endpoint = _endpoint(uri, parameters, "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
    if endpoint:
        config["endpoint"] = endpoint
    has_identity = any(
        os.environ.get(name)
        for name in (
            "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        )
    )  # fmt: skip
    if auth == "anonymous" or not (auth or key or has_identity):
        config["skip_signature"] = True
    elif key and auth != "instance":
        config |= {"access_key_id": key, "secret_access_key": secret}
        if token:
            config["session_token"] = token
    return S3Store(uri.bucket, config=config, **_limits(endpoint))


def _open_gcs(uri: GcsUri, parameters: Mapping[str, str], auth: str) -> "GCSStore":
    from obstore.store import GCSStore

    config: GCSConfig = {}
    endpoint = _endpoint(uri, parameters, "STORAGE_EMULATOR_HOST")
    if endpoint:
        config["base_url"] = endpoint
    key = credential_file("GOOGLE_APPLICATION_CREDENTIALS")
    own = Path.home() / ".config/gcloud/application_default_credentials.json"
    if auth == "anonymous" or not (auth or key or own.exists()):
        config["skip_signature"] = True
    elif key and auth != "instance":
        config["application_credentials"] = key
    else:
        _refuse_own_endpoint(uri, parameters)
    return GCSStore(uri.bucket, config=config, **_limits(config.get("base_url", "")))


def _open_azure(uri: AzureUri, parameters: Mapping[str, str], auth: str) -> "AzureStore":
    from obstore.store import AzureStore

    config: AzureConfig = {"account_name": uri.account}
    endpoint = _endpoint(uri, parameters, "AZURE_STORAGE_ENDPOINT")
    if endpoint:
        config["endpoint"] = endpoint
    key = credential("AZURE_STORAGE_ACCOUNT_KEY")
    signature = credential("AZURE_STORAGE_SAS_TOKEN")
    has_identity = bool(os.environ.get("AZURE_FEDERATED_TOKEN_FILE") or os.environ.get("AZURE_CLIENT_SECRET"))
    if auth == "anonymous" or not (auth or key or signature or has_identity):
        config["skip_signature"] = True
    elif auth != "instance" and key:
        config["account_key"] = key
    elif auth != "instance" and signature:
        config["sas_key"] = signature.removeprefix("?")
    else:
        _refuse_own_endpoint(uri, parameters)
    return AzureStore(uri.container, config=config, **_limits(endpoint))


def _endpoint(uri: BucketUri, parameters: Mapping[str, str], *variables: str) -> str:
    """The server to ask, or "" for the store's own.

    Raises:
        InvalidInputError: when it is no URL of a server.
    """
    given, variable = parameters.get("endpoint", ""), next((name for name in variables if credential(name)), "")
    endpoint = given or credential(*variables)
    if variable == "STORAGE_EMULATOR_HOST" and endpoint and "://" not in endpoint:  # as Google's own clients take it
        endpoint = f"http://{endpoint}"
    if endpoint and not _ENDPOINT.fullmatch(endpoint):
        raise InvalidInputError(
            f'{"parameters.endpoint" if given else variable}: "{endpoint}" cannot be asked for {uri}',
            remedy="Accepted: http:// or https://, a host, and a port where it is not the usual one.",
        )
    return endpoint


def _refuse_own_endpoint(uri: BucketUri, parameters: Mapping[str, str]) -> None:
    """Who writes a model may name a server, but not have it sent the token of a node or of whoever runs this.

    Raises:
        InvalidInputError: when the parameters name one.
    """
    if parameters.get("endpoint"):
        raise InvalidInputError(
            f"parameters.endpoint: is not asked for {uri} with the identity of this machine, whose token it would get",
            remedy=f"Leave it out, or give the model credentials of its own. {CREDENTIALS[uri.scheme]}",
        )


class Limits(TypedDict):
    """What all clients have alike."""

    client_options: "ClientConfig"
    retry_config: "RetryConfig"


def _limits(endpoint: str) -> Limits:
    """Client options: `steps.cache` cuts stalls, so an answer may take as long as it brings bytes."""
    stall = TransferSettings.from_environment().stall_seconds
    return {
        "client_options": {
            "allow_http": endpoint.startswith("http://"),
            "connect_timeout": f"{min(30.0, stall):g}s",
            "timeout": "24h",
            "user_agent": "ome-pipelines",
        },
        "retry_config": {"max_retries": 0},
    }


def _aws_profile() -> dict[str, str]:
    """What `aws configure` has written for AWS_PROFILE, by lower-case name; {} for nothing."""
    name = os.environ.get("AWS_PROFILE") or "default"
    folder = Path.home() / ".aws"
    found: dict[str, str] = {}
    for file, section in (
        (os.environ.get("AWS_CONFIG_FILE") or folder / "config", name if name == "default" else f"profile {name}"),
        (os.environ.get("AWS_SHARED_CREDENTIALS_FILE") or folder / "credentials", name),
    ):
        parser = configparser.ConfigParser(interpolation=None)
        try:
            parser.read(file)
        except (configparser.Error, UnicodeDecodeError):
            continue
        if parser.has_section(section):
            found |= dict(parser.items(section))
    return found
