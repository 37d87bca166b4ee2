"""The API server, as steps call it: raw dictionaries, time-outs and retries on every call, failures by class.

It stands on urllib3, as the kubernetes package itself does: importing `kubernetes` takes 0.4 s, nearly all that a
step's whole start may take, and this takes 0.08 s. In a pod it uses the service account; with KUBECONFIG set,
`steps.cluster.kubeconfig` reads that file, with all its ways to sign in.
"""

import json
import os
import time
from collections.abc import Iterator, Mapping
from functools import cache
from http.client import FORBIDDEN, OK
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from crds.labels import FIELD_MANAGER
from steps.cluster.connections import connections, connections_of, headers_of
from steps.cluster.refusals import refusal, unreachable
from steps.cluster.resource_types import ResourceType, object_path
from steps.errors import ClusterError, NotFoundError

if TYPE_CHECKING:
    from urllib3 import PoolManager

Object = dict[str, Any]

SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
PAGE = 500
NO_HEADERS: Mapping[str, str] = {}
_START_SECONDS = 10
_READY_AGAIN_SECONDS = 0.25
_JSON = "application/json"
_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"


class ClusterApi:
    """Objects of one cluster.

    Args:
        server: URL of the API server.
        pool: Keeps connections, trusts the cluster's certificate authority, and may have a client certificate.
        token_file: Holds the bearer token; read at each call, because the kubelet renews it.
        headers: Sent with each request.
    """

    def __init__(
        self,
        server: str,
        pool: "PoolManager",
        token_file: Path | None = None,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> None:
        self.server = server.rstrip("/")
        self._pool = pool
        self._token_file = token_file
        self._headers = dict(headers)

    def find(self, kind: ResourceType, name: str, namespace: str = "") -> Object | None:
        """The object, or None.

        Raises:
            OmeError: of the class that fits, as every method here.
        """
        try:
            return self.get(kind, name, namespace)
        except NotFoundError:
            return None

    def get(self, kind: ResourceType, name: str, namespace: str = "") -> Object:
        """The object.

        Raises:
            NotFoundError: when there is none, or no such kind.
        """
        return self._call("GET", object_path(kind, namespace, name))

    def list(self, kind: ResourceType, namespace: str = "", *, labels: str = "", fields: str = "") -> Iterator[Object]:
        """All objects of a kind, of one namespace or ("") of all, page by page, by namespace and name.

        Args:
            kind: Which.
            namespace: Whose.
            labels: A label selector.
            fields: A field selector.
        """
        query = {"limit": str(PAGE), "labelSelector": labels, "fieldSelector": fields, "continue": ""}
        while True:
            page = self._call("GET", object_path(kind, namespace), {k: v for k, v in query.items() if v})
            for item in page.get("items") or ():
                yield {"apiVersion": kind.api_version, "kind": kind.kind, **item}  # lists leave both out
            query["continue"] = str((page.get("metadata") or {}).get("continue") or "")
            if not query["continue"]:
                return

    def create(self, kind: ResourceType, body: Object) -> Object:
        """Create an object.

        Raises:
            ConflictError: when it exists, which may also be the doing of this call's first, unanswered attempt.
        """
        return self._call("POST", object_path(kind, _namespace_of(body)), body=body)

    def replace(self, kind: ResourceType, body: Object) -> Object:
        """Replace an object, its status left alone where that is a subresource.

        Raises:
            ConflictError: when it changed since its `metadata.resourceVersion`.
        """
        return self._call("PUT", object_path(kind, _namespace_of(body), body["metadata"]["name"]), body=body)

    def apply(self, kind: ResourceType, body: Object, *, field_manager: str = FIELD_MANAGER) -> Object:
        """Server-side apply, taking over fields that others own."""
        path = object_path(kind, _namespace_of(body), body["metadata"]["name"])
        query = {"fieldManager": field_manager, "force": "true"}
        return self._call("PATCH", path, query, body, _APPLY)

    def patch(self, kind: ResourceType, name: str, namespace: str, patch: Object) -> Object:
        """JSON merge patch; with `metadata.resourceVersion` in it, it holds only for that version.

        Raises:
            ConflictError: when the object has another version.
        """
        return self._call("PATCH", object_path(kind, namespace, name), body=patch, content_type=_MERGE)

    def delete(self, kind: ResourceType, name: str, namespace: str = "") -> bool:
        """Delete an object and, in the background, what it owns; whether there was one."""
        try:
            self._call("DELETE", object_path(kind, namespace, name), {"propagationPolicy": "Background"})
        except NotFoundError:
            return False
        return True

    def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Object | None = None,
        content_type: str = _JSON,
    ) -> Object:
        answer = self._ask(method, path, query or {}, body, content_type)
        try:
            found: Object = json.loads(answer)
        except ValueError:
            raise ClusterError(
                f"{self.server}{path}: the answer is not JSON: {answer[:100].decode(errors='replace')!r}",
                remedy="Check that this is the address of an API server, and not of a proxy before it.",
            ) from None
        return found

    def _ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: Object | None = None,
        content_type: str = _JSON,
    ) -> bytes:
        from urllib3.exceptions import HTTPError

        url = f"{self.server}{path}" + (f"?{urlencode(query)}" if query else "")
        headers = {**self._headers, "Accept": _JSON, "Content-Type": content_type, "User-Agent": "ome-steps"}
        if self._token_file is not None:
            headers["Authorization"] = f"Bearer {_token(self._token_file)}"
        content = None if body is None else json.dumps(body).encode()
        try:
            answer = self._pool.request(method, url, body=content, headers=headers)
            if answer.status == FORBIDDEN and self._token_file is not None:
                self._wait_started(headers)
                answer = self._pool.request(method, url, body=content, headers=headers)
        except HTTPError as error:
            raise unreachable(self.server, error) from None
        if answer.status >= 400:
            raise refusal(method, path, answer.status, answer.data, is_pod=self._token_file is not None)
        return answer.data

    def _wait_started(self, headers: Mapping[str, str]) -> None:
        """Wait, not for long, until the API server says that it is ready.

        One that starts has not read the roles yet, and refuses those whom it will allow.
        """
        from urllib3.exceptions import HTTPError

        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            try:
                if self._pool.request("GET", f"{self.server}/readyz", headers=headers, retries=False).status == OK:
                    return
            except HTTPError:
                pass  # it ended again
            time.sleep(_READY_AGAIN_SECONDS)


@cache
def open_api() -> ClusterApi:
    """The API server of the cluster that this runs in, or of KUBECONFIG.

    Raises:
        ClusterError: when neither says where it is.
        InvalidInputError: when KUBECONFIG cannot be used.
    """
    if os.environ.get("KUBECONFIG"):
        return _from_kubeconfig()
    host, port = os.environ.get("KUBERNETES_SERVICE_HOST", ""), os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    folder = Path(os.environ.get("OME_SERVICE_ACCOUNT") or SERVICE_ACCOUNT)
    token, authority = folder / "token", folder / "ca.crt"
    if not host or not token.exists():
        missing = "KUBERNETES_SERVICE_HOST is not set" if not host else f"{token} does not exist"
        raise ClusterError(
            f"this pod has no way to the API server: {missing}",
            remedy="Let the pod have its service account's token (automountServiceAccountToken), or set KUBECONFIG.",
        )
    host = f"[{host}]" if ":" in host else host
    return ClusterApi(f"https://{host}:{port}", connections(ca_certs=str(authority)), token_file=token)


def _from_kubeconfig() -> ClusterApi:
    from steps.cluster.kubeconfig import read_kubeconfig

    found = read_kubeconfig()
    return ClusterApi(found.host, connections_of(found), headers=headers_of(found))


def _token(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError as error:
        raise ClusterError(f"{path}: the service account's token cannot be read ({error.strerror})") from None


def _namespace_of(body: Object) -> str:
    return str(body["metadata"].get("namespace") or "")
