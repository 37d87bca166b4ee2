"""Requests to the API server as raw dictionaries, over the official client's connections and credentials.

Watches, leader election, events and the executor ask through `Api`. Models of the official client are not used: a
decoded object costs thirty times what a dictionary costs, and 10,000 of them are held.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import orjson
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.client.rest import RESTClientObject
from kubernetes.aio.config import ConfigException, load_incluster_config, load_kube_config
from yaml import YAMLError

from controller.actions import Object
from controller.metrics import Metrics
from steps.cluster.kubeconfig import FAULTS, fault, is_url, name_of, no_url
from steps.errors import ClusterError, InvalidInputError

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"

REQUEST_SECONDS = 30.0
"""Longest wait for an answer that is not a watch."""


class ApiError(ClusterError):
    """The API server refused a request, or could not be asked.

    Attributes:
        status: HTTP status; 0 when there was no answer.
        reason: The `reason` of the answer's Status, such as AlreadyExists or Expired.
    """

    def __init__(
        self, message: str, *, status: int, reason: str, remedy: str = "", retry_after_seconds: float | None = None
    ) -> None:
        super().__init__(message, remedy=remedy, retry_after_seconds=retry_after_seconds)
        self.status = status
        self.reason = reason

    @property
    def is_absent(self) -> bool:
        """Whether the object, or the kind, is not there."""
        return self.status == 404

    @property
    def is_conflict(self) -> bool:
        """Whether the object has changed since it was observed."""
        return self.status == 409 and self.reason != "AlreadyExists"

    @property
    def already_exists(self) -> bool:
        """Whether an object of that name is there."""
        return self.status == 409 and self.reason == "AlreadyExists"

    @property
    def is_silence(self) -> bool:
        """Whether a watch was only silent for longer than it was to be."""
        return self.reason == _SILENCE

    @property
    def is_expired(self) -> bool:
        """Whether a resource version or a page's token is too old, so that all must be listed again."""
        return self.status == 410


class Api:
    """One API server, asked as one user.

    Args:
        configuration: Of the official client.
        metrics: Counts requests by verb and status.
    """

    def __init__(self, configuration: Configuration, metrics: Metrics) -> None:
        self._configuration = configuration
        self._rest = RESTClientObject(configuration)
        self._requests = metrics.counter(
            "ome_controller_api_requests_total", "Requests to the API server.", ("verb", "code")
        )
        self._seconds = metrics.histogram(
            "ome_controller_api_request_seconds", "Time until the API server had answered.", ("verb",)
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._rest.close()

    async def call(
        self,
        verb: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Object | None = None,
        *,
        content_type: str = JSON,
        accept: str = JSON,
        timeout_seconds: float = REQUEST_SECONDS,
    ) -> Object:
        """One request and its answer.

        Args:
            verb: As RBAC names it: get, list, create, update, patch or delete.
            path: From the root of the API.
            query: Parameters of the URL.
            body: Sent as JSON.
            content_type: Of the body.
            accept: The form of the answer.
            timeout_seconds: For all of it.

        Raises:
            ApiError: when it is refused or there is no answer.
        """
        method = _METHODS[verb]
        began = time.monotonic()
        async with self._send(verb, method, path, query, body, content_type, accept, timeout_seconds) as response:
            text = await response.read()
        self._seconds.observe(time.monotonic() - began, verb)
        found: Object = orjson.loads(text)
        return found

    @asynccontextmanager
    async def stream(
        self, path: str, query: Mapping[str, str], *, accept: str, idle_seconds: float
    ) -> AsyncIterator[aiohttp.StreamReader]:
        """The body of a watch as it comes.

        Args:
            path: From the root of the API.
            query: Parameters of the URL.
            accept: The form of the events.
            idle_seconds: Silence after which the connection counts as lost.

        Raises:
            ApiError: when it is refused, or the connection breaks or is silent.
        """
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=idle_seconds)
        async with self._send("watch", "GET", path, query, None, JSON, accept, timeout) as response:
            yield response.content

    @asynccontextmanager
    async def _send(
        self,
        verb: str,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: Object | None,
        content_type: str,
        accept: str,
        timeout: float | aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's own
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        url = f"{self._configuration.host}{path}" + (f"?{urlencode(query)}" if query else "")
        # The API server is near: packing its answers would cost it, and us, more than sending them.
        headers = {"Accept": accept, "Content-Type": content_type, "Accept-Encoding": "identity", **_USER_AGENT}
        headers.update(await self._credentials())
        response = None
        try:
            request = self._rest.request(method, url, headers, body, _request_timeout=timeout)  # type: ignore[no-untyped-call] # the library has no types there
            response = (await request).response
            try:
                self._requests.add(1, verb, str(response.status))
                if response.status >= 400:
                    raise _refusal(verb, path, response, await response.read())
                yield response
            finally:
                # An answer that was read gives its connection back; one that was not (a watch) ends with it.
                response.close() if not response.content.is_eof() else response.release()
        except (aiohttp.ClientError, TimeoutError, asyncio.IncompleteReadError, OSError) as error:
            self._requests.add(1, verb, "none")
            words = str(error) or type(error).__name__
            is_silence = response is not None and isinstance(error, aiohttp.SocketTimeoutError)
            raise ApiError(
                f"{verb} {path}: no answer from {self._configuration.host}: {words}",
                status=0,
                reason=_SILENCE if is_silence else "NoAnswer",
                remedy="Check that the API server runs and can be reached from this pod.",
            ) from None

    async def _credentials(self) -> dict[str, str]:
        settings = await self._configuration.auth_settings()
        return {"Authorization": str(bearer["value"])} if (bearer := settings.get("BearerToken")) else {}


async def connect(kubeconfig: Path | None, metrics: Metrics) -> Api:
    """The API server of a kubeconfig; without one, of this pod's cluster, else of the user's own kubeconfig.

    Raises:
        InvalidInputError: when there is none, or it cannot be used.
    """
    configuration = Configuration()
    if kubeconfig is not None and not kubeconfig.is_file():
        raise InvalidInputError(f'--kubeconfig: "{kubeconfig}" is not a file', remedy="Give a kubeconfig file.")
    is_in_pod = kubeconfig is None and "KUBERNETES_SERVICE_HOST" in os.environ
    try:
        if is_in_pod:
            load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call] # as above
        else:
            file = name_of(kubeconfig)
            await load_kube_config(file, client_configuration=configuration)  # type: ignore[no-untyped-call] # as above
        found = _api(configuration, metrics)
    except (ConfigException, YAMLError, *FAULTS) as error:
        raise _no_server(kubeconfig, is_in_pod, fault(error)) from None
    if not is_url(configuration.host):
        raise _no_server(kubeconfig, is_in_pod, no_url(configuration.host))
    return found


def _no_server(kubeconfig: Path | None, is_in_pod: bool, words: str) -> InvalidInputError:
    source = "the service account of this pod" if is_in_pod else f"kubeconfig {name_of(kubeconfig)}"
    return InvalidInputError(
        f"no API server to talk to: {source}: {words}",
        remedy="Run in a pod with a service account, or give --kubeconfig a file that `kubectl config view` can read.",
    )


def _api(configuration: Configuration, metrics: Metrics) -> Api:
    # Left to itself, the HTTP client asks a thread for proxies and passwords before each request: milliseconds.
    configuration.client_session_kwargs = {"trust_env": False}
    configuration.proxy = configuration.proxy or _proxy_to(configuration.host)
    return Api(configuration, metrics)


_METHODS = {"get": "GET", "list": "GET", "create": "POST", "update": "PUT", "patch": "PATCH", "delete": "DELETE"}
_USER_AGENT = {"User-Agent": "ome-controller"}
_SILENCE = "Silence"
_REMEDIES = {
    401: "The token is not valid: check the pod's service account.",
    403: "Grant this to the controller's service account: `ome install` puts its roles back as they were; "
    "`ome doctor` names those that are missing or changed.",
}


def _proxy_to(url: str) -> str | None:
    """The proxy that the environment names for a URL, once and for all."""
    found = urlsplit(url)
    return None if proxy_bypass(found.netloc) else getproxies().get(found.scheme)


def _refusal(verb: str, path: str, response: aiohttp.ClientResponse, text: bytes) -> ApiError:
    try:
        answer = orjson.loads(text)
        words, reason = str(answer.get("message", "")), str(answer.get("reason", ""))
    except (ValueError, AttributeError):
        words, reason = text[:200].decode(errors="replace"), ""
    wait = response.headers.get("Retry-After", "")
    return ApiError(
        f"{verb} {path}: {response.status} {words or response.reason}",
        status=response.status,
        reason=reason,
        remedy=_REMEDIES.get(response.status, ""),
        retry_after_seconds=float(wait) if wait.isdigit() else None,
    )
