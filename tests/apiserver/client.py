"""A small synchronous client for tests: one request at a time, by any token, errors with the API server's own words.

Used by `tests.apiserver.fixture.ApiServer`; the product's own clients are what tests with it are about.
"""

import http.client
import json
import ssl
import time
import urllib.parse
from typing import Any

Object = dict[str, Any]

_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"
_BUSY_SECONDS = 30


class ApiRefusedError(Exception):
    """The API server answered with an error.

    Attributes:
        status: HTTP status.
        message: The API server's own words.
        causes: What it found wrong, each with its field.
        body: The whole answer, usually a `Status`.
    """

    def __init__(self, status: int, body: Object) -> None:
        self.status = status
        self.body = body
        self.message = str(body.get("message", body))
        self.causes = tuple((c.get("field", ""), c["message"]) for c in body.get("details", {}).get("causes", ()))
        super().__init__(f"{status}: {self.message}")


class ApiClient:
    """Requests to one API server with one token."""

    def __init__(self, port: int, context: ssl.SSLContext, token: str) -> None:
        self.token = token
        self._port = port
        self._context = context
        self._paths: dict[tuple[str, str], tuple[str, bool]] = {}

    def as_token(self, token: str) -> "ApiClient":
        """The same server, asked by somebody else."""
        return ApiClient(self._port, self._context, token)

    def text(self, method: str, path: str, body: Object | None = None, content_type: str = "application/json") -> str:
        """The answer's text.

        Raises:
            ApiRefusedError: when the status is 400 or more.
            OSError: when there is no answer.
        """
        status, text = self._answer(method, path, body, content_type)
        deadline = time.monotonic() + _BUSY_SECONDS
        while status == 429 and time.monotonic() < deadline:  # it has started a moment ago, and asks to come again
            time.sleep(0.1)
            status, text = self._answer(method, path, body, content_type)
        if status >= 400:
            try:
                refusal = json.loads(text)
            except ValueError:
                refusal = {"message": text}
            raise ApiRefusedError(status, refusal)
        return text

    def _answer(self, method: str, path: str, body: Object | None, content_type: str) -> tuple[int, str]:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": content_type, "Accept": "application/json"}
        connection = http.client.HTTPSConnection("127.0.0.1", self._port, context=self._context, timeout=60)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def request(
        self, method: str, path: str, body: Object | None = None, content_type: str = "application/json"
    ) -> Object:
        """The answer's JSON; raises as `text` does."""
        found: Object = json.loads(self.text(method, path, body, content_type))
        return found

    def path_of(self, document: Object) -> str:
        """URL path of the object that a document describes, its namespace "default" where it names none."""
        metadata = document["metadata"]
        name = urllib.parse.quote(metadata["name"])
        return f"{self.collection(document, metadata.get('namespace', 'default'))}/{name}"

    def collection(self, document: Object, namespace: str = "default") -> str:
        """URL path of all objects of a document's kind in a namespace (which cluster-scoped kinds do not have)."""
        version, kind = document["apiVersion"], document["kind"]
        group = f"/apis/{version}" if "/" in version else f"/api/{version}"
        if (version, kind) not in self._paths:
            for resource in self.request("GET", group)["resources"]:
                if "/" not in resource["name"]:
                    self._paths[version, resource["kind"]] = (resource["name"], resource["namespaced"])
        plural, is_namespaced = self._paths[version, kind]
        return f"{group}/namespaces/{namespace}/{plural}" if is_namespaced else f"{group}/{plural}"

    def apply(self, document: Object, *, subresource: str = "") -> Object:
        """Server-side apply, strict about unknown fields, taking over what others own; the object as it is stored."""
        path = self.path_of(document) + (f"/{subresource}" if subresource else "")
        query = "?fieldManager=tests&force=true&fieldValidation=Strict"
        return self.request("PATCH", path + query, document, _APPLY)

    def create(self, document: Object) -> Object:
        """Create an object, strict about unknown fields; `metadata.generateName` will do for a name."""
        namespace = document.get("metadata", {}).get("namespace", "default")
        return self.request("POST", f"{self.collection(document, namespace)}?fieldValidation=Strict", document)

    def get(self, document: Object) -> Object:
        """The object as it is stored."""
        return self.request("GET", self.path_of(document))

    def patch(self, document: Object, patch: Object) -> Object:
        """JSON merge patch of the object that a document describes."""
        return self.request("PATCH", self.path_of(document), patch, _MERGE)

    def delete(self, document: Object) -> None:
        """Delete the object; one that is not there is not missed."""
        try:
            self.request("DELETE", self.path_of(document))
        except ApiRefusedError as refusal:
            if refusal.status != 404:
                raise
