"""Reads a person's kubeconfig, for steps that are run by hand and for `ome install`, `ome doctor` and `ome uninstall`.

The official client tells some faults of the file as its own `ConfigException`, and for others just fails somewhere
within: here all of them are one error that names the file. `controller.api` asks the client's asynchronous half,
and says what was wrong with the same functions.
"""

import binascii
import os
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

from steps.errors import InvalidInputError

if TYPE_CHECKING:
    from kubernetes.client import Configuration

DEFAULT = "~/.kube/config"

FAULTS = (OSError, ValueError, TypeError, LookupError, AttributeError)
"""What the client raises, beside its ConfigException and YAML's errors, for a file without the form it expects."""


def read_kubeconfig(file: Path | None = None, context: str = "") -> "Configuration":
    """The server, its authority and the way to sign in, of a kubeconfig's context.

    Args:
        file: Which; by default `$KUBECONFIG`, which may name several, else `~/.kube/config`.
        context: Its context; "" for the current one.

    Raises:
        InvalidInputError: when the file or the context is not there or cannot be used.
    """
    from kubernetes.client import Configuration
    from kubernetes.config import ConfigException, load_kube_config
    from yaml import YAMLError

    found = Configuration()
    try:
        load_kube_config(  # type: ignore[no-untyped-call]  # it has no types
            config_file=name_of(file), context=context or None, client_configuration=found
        )
        _check_certificates(found)
    except (ConfigException, YAMLError, *FAULTS) as error:
        raise unusable(file, fault(error)) from None
    if not is_url(found.host):
        raise unusable(file, no_url(found.host))
    return found


def fault(error: Exception) -> str:
    """What was wrong with a kubeconfig, or with a pod's account, that the client refused or failed on."""
    words = " ".join(str(error).split())
    if isinstance(error, ssl.SSLError):
        return f"its certificates or its key cannot be used: {words}"
    if isinstance(error, binascii.Error):
        return f"its certificates or its key are not in base64: {words}"
    if isinstance(error, (TypeError, LookupError, AttributeError)):
        return f"it has not the form of a kubeconfig, a mapping with clusters, users and contexts ({words})"
    return words


def is_url(server: str | None) -> bool:
    """Whether a cluster's `server` can be asked."""
    return (server or "").startswith(("https://", "http://"))


def no_url(server: str | None) -> str:
    """What was wrong with a cluster's `server`."""
    return f'its server "{server or ""}" is no URL such as https://10.0.0.1:6443'


def unusable(file: Path | None, words: str) -> InvalidInputError:
    """The error of a kubeconfig."""
    return InvalidInputError(
        f"kubeconfig {name_of(file)}: {words}",
        remedy="Check it with `kubectl config view`, or name another file: --kubeconfig, or KUBECONFIG.",
    )


def name_of(file: Path | None) -> str:
    """The file that is read."""
    return str(file or os.environ.get("KUBECONFIG") or DEFAULT)


def _check_certificates(found: "Configuration") -> None:
    """Load them as a connection would, and fail now, with what is wrong, rather than at the first request."""
    if found.verify_ssl and found.ssl_ca_cert:
        ssl.create_default_context(cafile=found.ssl_ca_cert)
    if found.cert_file:
        ssl.create_default_context().load_cert_chain(found.cert_file, found.key_file)
