"""Connections to an API server, for steps and `ome install`: whom they trust, which way they go, how patiently.

A kubeconfig that serves kubectl serves here too: its proxy and the name that the server's certificate has are kept.
"""

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from steps.cluster.refusals import RETRIED
from steps.errors import InvalidInputError

if TYPE_CHECKING:
    from kubernetes.client import Configuration
    from urllib3 import PoolManager

CONNECT_SECONDS = 5.0
LONGEST_WAIT_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Patience:
    """How long answers are waited for.

    Attributes:
        retries: How often a request is sent again: the connection broke, too many requests, a server's fault.
        backoff: Seconds before the second one; they double.
        read_seconds: For an answer to begin.
        statuses: Answers after which it is sent again.
    """

    retries: int = 8
    backoff: float | None = None
    read_seconds: float = 60.0
    statuses: tuple[int, ...] = RETRIED


STEPS = Patience()
"""A step has nobody who waits beside it, and an API server may be away for as long as an upgrade takes."""


def connections(patience: Patience = STEPS, proxy: str = "", **trust: Any) -> "PoolManager":
    """Connections with longer and longer waits between retries.

    Args:
        patience: How long answers are waited for; where it gives no backoff, `OME_BACKOFF_SECONDS` does.
        proxy: URL of the proxy that they go through, with its user and password; "" for none.
        trust: Certificates and names, as urllib3 has them.
    """
    from urllib3 import PoolManager, ProxyManager, Retry, Timeout
    from urllib3.util import make_headers

    backoff = patience.backoff or float(os.environ.get("OME_BACKOFF_SECONDS") or 0.5) / 2
    retries = Retry(
        total=patience.retries,
        allowed_methods=None,  # all that is sent may be sent twice
        status_forcelist=patience.statuses,
        redirect=0,
        backoff_factor=backoff,
        backoff_max=LONGEST_WAIT_SECONDS,
        retry_after_max=LONGEST_WAIT_SECONDS,
        raise_on_status=False,
        raise_on_redirect=False,
    )
    timeout = Timeout(connect=CONNECT_SECONDS, read=patience.read_seconds)
    if not proxy:
        return PoolManager(retries=retries, timeout=timeout, **trust)
    user = unquote(urlsplit(proxy).netloc.rpartition("@")[0])
    headers = make_headers(proxy_basic_auth=user) if user else None
    return ProxyManager(proxy, proxy_headers=headers, retries=retries, timeout=timeout, **trust)


def connections_of(found: "Configuration", patience: Patience = STEPS) -> "PoolManager":
    """Connections as a kubeconfig wants them.

    Raises:
        InvalidInputError: when they go through a proxy of a kind that is not supported.
    """
    trust: dict[str, Any] = {"ca_certs": found.ssl_ca_cert} if found.verify_ssl else {"cert_reqs": "CERT_NONE"}
    if found.cert_file:
        trust |= {"cert_file": found.cert_file, "key_file": found.key_file}
    if found.tls_server_name:
        trust["server_hostname"] = found.tls_server_name
    return connections(patience, _proxy(found), **trust)


def headers_of(found: "Configuration") -> dict[str, str]:
    """What a kubeconfig's user is known by, where that is no certificate."""
    authorization = found.get_api_key_with_prefix("BearerToken", alias="authorization")
    return {"Authorization": authorization} if authorization else {}


def _proxy(found: "Configuration") -> str:
    """The kubeconfig's own proxy; else the environment's, but not for this machine and what NO_PROXY names."""
    from urllib.request import getproxies

    from kubernetes.client.rest import should_bypass_proxies

    proxy = str(found.proxy or "")
    proxies, server = getproxies(), urlsplit(found.host)
    is_from_environment = proxy == (proxies.get(server.scheme) or proxies.get("all"))
    direct = f"{found.no_proxy or ''},localhost,127.0.0.0/8,::1"
    if not proxy or (is_from_environment and should_bypass_proxies(found.host, direct)):
        return ""
    scheme = urlsplit(proxy).scheme
    if scheme not in ("http", "https"):
        raise InvalidInputError(
            f'proxy of {found.host}: "{scheme}" is not supported; accepted: http:// and https://',
            remedy="Name such a proxy in the kubeconfig (proxy-url) or in HTTPS_PROXY.",
        )
    return proxy
