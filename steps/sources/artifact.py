"""`oci://HOST/REPOSITORY:TAG` as an artifact of a container registry: ModelPack, and what `oras push` makes of files.

Every layer is a file with its SHA-256; the revision is the manifest's digest. `steps.sources.oci_meaning` says when
`oci://` means this.
"""

from collections.abc import Mapping

from crds.storage import SOURCE_PARAMETERS
from crds.storage_uri import OciArtifactUri
from steps.credentials import credential
from steps.manifest import FileEntry, Manifest
from steps.sources.artifact_login import CREDENTIALS
from steps.sources.artifact_manifest import INDEX_TYPES, chosen_of, files_of
from steps.sources.artifact_registry import ENDPOINT, Registry
from steps.sources.http_answers import path_of
from steps.sources.listing import keep_files, refuse_revision
from steps.sources.patience import TransferSettings
from steps.sources.range_reader import RangeReader
from steps.sources.source import NO_PARAMETERS, RemoteAddress, ResolveOptions


class ArtifactSource:
    """The files of one artifact."""

    def __init__(self, uri: OciArtifactUri, parameters: Mapping[str, str] = NO_PARAMETERS) -> None:
        self._uri = uri
        self._parameters = {key: parameters[key] for key in SOURCE_PARAMETERS if parameters.get(key)}
        self._registry = Registry(uri, parameters.get("endpoint") or credential(ENDPOINT))
        self._reader = RangeReader(TransferSettings.from_environment())

    def resolve(self, options: ResolveOptions) -> Manifest:
        """Read the manifest that the tag or digest names now."""
        subject = str(self._uri)
        refuse_revision(subject, self._uri.scheme, options)
        found = self._registry.manifest(self._uri.digest or self._uri.tag)
        if found.media_type in INDEX_TYPES:
            found = self._registry.manifest(chosen_of(found.body, subject).digest)
        kept = keep_files(subject, files_of(found.body, subject, self._uri.repository), options)
        return Manifest(
            uri=subject,
            revision=found.digest,
            files=kept.files,
            left_out=kept.left_out,
            parameters=self._parameters,
        )

    def read(self, file: FileEntry, start: int, end: int) -> bytes:
        """Bytes [start, end) of a file, retried as the settings say."""
        subject = f"{self._uri} {file.path}"
        return self._reader.read(subject, file, self.address(file), start, end, self._registry.client)

    def address(self, file: FileEntry) -> RemoteAddress:
        """The layer's URL; who asks is said anew before each request, and first asked for then."""
        return RemoteAddress(
            url=self._registry.origin + path_of(file),
            credentials=CREDENTIALS,
            named_by=ENDPOINT,
            renew=lambda: self._authorized(file),
        )

    def _authorized(self, file: FileEntry) -> RemoteAddress:
        path = path_of(file)
        return RemoteAddress(
            url=self._registry.origin + path,
            headers=self._registry.authorization(path, f"{self._uri} {file.path}"),
            credentials=CREDENTIALS,
            named_by=ENDPOINT,
        )
