"""A container registry that runs (CNCF distribution, a Go program), and a repository of it that tests push to.

`python -m tests.cluster build registry` builds it into the cache. What is pushed goes over plain requests, so that
manifests may say what no tool would write.
"""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.sources.background import built, child, free_port
from tests.sources.plain_http import PlainClient

READER = "test-reader"
PASSWORD = "test-password-of-the-reader"
_HTPASSWD = f"{READER}:$2b$04$J9DQGfUZ.2Sb8KRr3WYHV.aOOG1HU9N2dr7aJaPc9nzobQvUi7TVm\n"  # bcrypt of PASSWORD
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
MODEL = "application/vnd.cncf.model.manifest.v1+json"
MODEL_CONFIG = "application/vnd.cncf.model.config.v1+json"
RAW = "application/vnd.cncf.model.weight.v1.raw"
FILEPATH = "org.cncf.model.filepath"
TITLE = "org.opencontainers.image.title"


@contextmanager
def serve_registry(folder: Path, auth: Mapping[str, object] | None = None) -> Iterator[str]:
    """Run a registry over a folder; gives its URL.

    Args:
        folder: For what it keeps.
        auth: As its configuration has it; None for user and password of the one reader.
    """
    program, port = built("registry"), free_port()
    (folder / "htpasswd").write_text(_HTPASSWD)
    password = {"htpasswd": {"realm": "tests", "path": str(folder / "htpasswd")}}
    configuration = {
        "version": 0.1,
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "kept")}, "delete": {"enabled": True}},
        "http": {"addr": f"127.0.0.1:{port}", "secret": "of the test registry"},
        "auth": password if auth is None else dict(auth),
    }
    file = folder / "registry.yaml"
    file.write_text(json.dumps({key: value for key, value in configuration.items() if value}))  # JSON is YAML too
    with child([program, "serve", file], port, folder / "log", OTEL_TRACES_EXPORTER="none"):
        yield f"http://127.0.0.1:{port}"


def basic(username: str, password: str) -> str:
    """The header that says so."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


@dataclass(frozen=True)
class Layer:
    """A layer to push.

    Attributes:
        annotations: With the file's name.
    """

    content: bytes
    media_type: str = RAW
    annotations: Mapping[str, str] = field(default_factory=dict)


def digest_of(content: bytes) -> str:
    """As registries name it."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


class Repository:
    """What is pushed to one repository; for one thread.

    Args:
        url: Of the registry.
        name: Of the repository.
        authorization: Header of who may push.
    """

    def __init__(self, url: str, name: str, authorization: str = basic(READER, PASSWORD)) -> None:
        self.name = name
        said = {"authorization": authorization} if authorization else {}
        self._client = PlainClient(url, lambda _method, _path, _query, headers, _body: {**headers, **said})
        self._there: set[str] = set()

    def push_blob(self, content: bytes) -> str:
        """Upload a blob unless it is there; gives its digest."""
        digest = digest_of(content)
        if digest not in self._there:
            begun, _ = self._client.send("POST", f"/v2/{self.name}/blobs/uploads/")
            place = urlsplit(begun["Location"])
            target = f"{place.path}?{place.query}&digest={digest}"
            binary = {"content-type": "application/octet-stream"}
            self._client.send("PUT", target, headers=binary, body=content, is_quoted=True)
            self._there.add(digest)
        return digest

    def delete_blob(self, digest: str) -> None:
        """Delete a blob."""
        self._client.send("DELETE", f"/v2/{self.name}/blobs/{digest}", is_quoted=True)
        self._there.discard(digest)

    def push(
        self,
        layers: Sequence[Layer],
        tag: str = "",
        *,
        artifact_type: str = MODEL,
        config_type: str = MODEL_CONFIG,
    ) -> dict[str, Any]:
        """Push an artifact; gives its descriptor."""
        described = [
            {
                "mediaType": layer.media_type,
                "digest": self.push_blob(layer.content),
                "size": len(layer.content),
                "annotations": dict(layer.annotations),
            }
            for layer in layers
        ]
        config = b'{"descriptor": {"name": "model"}}'
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": config_type, "digest": self.push_blob(config), "size": len(config)},
            "layers": described,
        } | ({"artifactType": artifact_type} if artifact_type else {})
        pushed = self.push_document(manifest, MANIFEST, tag)
        return pushed | ({"artifactType": artifact_type} if artifact_type else {})

    def push_index(self, entries: Sequence[Mapping[str, Any]], tag: str) -> dict[str, Any]:
        """Push an index of what was pushed; gives its descriptor."""
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [dict(entry) for entry in entries]}
        return self.push_document(index, INDEX, tag)

    def push_layout(self, layout: Path, tag: str) -> str:
        """Push the artifact of an OCI image layout as tools copy one, each blob as it is; gives its digest."""
        (top,) = json.loads((layout / "index.json").read_bytes())["manifests"]
        body = (layout / "blobs" / top["digest"].replace(":", "/")).read_bytes()
        manifest = json.loads(body)
        for part in (manifest["config"], *manifest["layers"]):
            blob = (layout / "blobs" / part["digest"].replace(":", "/")).read_bytes()
            assert self.push_blob(blob) == part["digest"]
        return str(self._push_manifest(body, top["mediaType"], tag)["digest"])

    def push_document(self, document: Mapping[str, Any], media_type: str, tag: str = "") -> dict[str, Any]:
        """Push a manifest or an index under its digest, and under a tag where one is given; gives its descriptor."""
        return self._push_manifest(json.dumps(document).encode(), media_type, tag)

    def _push_manifest(self, body: bytes, media_type: str, tag: str) -> dict[str, Any]:
        digest = digest_of(body)
        place = f"/v2/{self.name}/manifests/{tag or digest}"
        self._client.send("PUT", place, headers={"content-type": media_type}, body=body, is_quoted=True)
        return {"mediaType": media_type, "digest": digest, "size": len(body)}
