"""`ome bundle`: a model as one file, for machines that reach no source."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from crds.signature_policy import DEFAULT_SIGNATURE
from pipelines.command import options
from pipelines.command.output import Output, OutputFormat, format_bytes, print_data, print_pairs

if TYPE_CHECKING:
    from pipelines.command.console import RunConsole
    from steps.cache.bundle_import import BundleImport

app = typer.Typer(name="bundle", help="A model as one file: for machines that reach no source.")
_INTERVAL_SECONDS = 0.1


@app.callback()
def bundle() -> None:
    """A model as one file: for machines that reach no source."""


@app.command("export")
def export_model(
    name: Annotated[str, typer.Argument(help="An imported model.")],
    file: Annotated[str, typer.Argument(help="The file to write; ending in / for a folder.")],
    layout: Annotated[
        Literal["file", "folder"], typer.Option("--layout", help="One tar, or a folder, of an OCI image layout.")
    ] = "file",
    namespace: options.Namespace = "default",
    output: Output = OutputFormat.table,
) -> None:
    """Write a model to one file, which `ome bundle import` reads on another machine.

    It is an OCI image layout with a ModelPack artifact. The same model makes the same bytes.
    """
    from pipelines.command.console import RunConsole
    from steps.cache.bundle_export import export_bundle
    from steps.errors import NotFoundError
    from steps.manifest_store import load_manifest
    from steps.published_model import artifact_digest, find_model
    from steps.resources import ResourceFolder

    digest = artifact_digest(find_model(ResourceFolder(), name, namespace))
    if not digest:
        raise NotFoundError(f'model "{name}" has no files here', remedy="Import it first with `ome import`.")
    manifest = load_manifest(digest)
    is_folder = layout == "folder" or file.endswith("/")
    target = Path(file).expanduser().absolute()
    with RunConsole() as console:
        shown = _Shown(console, f"Export {name}")
        exported = export_bundle(name, manifest, target, is_folder=is_folder, on_progress=shown)
    found = {
        "model": name,
        "uri": manifest.uri,
        "revision": manifest.revision,
        "files": len(manifest.files),
        "bytes": exported.size,
        "digest": f"sha256:{exported.digest}",
        "path": str(exported.path),
    }
    if output is OutputFormat.table:
        print_pairs([*found.items()][1:4] + [("size", format_bytes(exported.size)), *[*found.items()][5:]], title=name)
    else:
        print_data(found, output)


@app.command("import")
def import_model(
    file: Annotated[str, typer.Argument(help="What `ome bundle export` wrote: a file or a folder.")],
    name: Annotated[str, typer.Option("--name", help="The model's name; by default the exported one's.")] = "",
    path: options.Path = "",
    digest: Annotated[str, typer.Option("--digest", help="The digest that the export printed: no other bundle.")] = "",
    unsafe_pickles: options.UnsafePickles = "refuse",
    signed_by: options.SignedBy = "",
    signature: options.Signature = DEFAULT_SIGNATURE,
    output: Output = OutputFormat.table,
) -> None:
    """Bring a model from a bundle to this machine, verified.

    Afterwards all is as after `ome import`. Killed or cancelled, it goes on where it was when run again.
    """
    from pipelines.command.console import RunConsole
    from pipelines.command.resource_table import describe_model
    from pipelines.command.signer import signer_in
    from steps.cache.bundle_import import import_bundle
    from steps.cache.signature import signature_policy
    from steps.resources import ResourceFolder

    signer = signer_in(signed_by)
    policy = signature_policy(signer, signature)
    with RunConsole() as console:
        shown = _Shown(console, f"Import {Path(file).name}")
        found = import_bundle(
            Path(file).expanduser().absolute(),
            name,
            path,
            digest=digest,
            unsafe_pickles=unsafe_pickles,
            signature=policy,
            on_progress=shown,
        )
    _record(found, unsafe_pickles, signer, signature)
    resource = ResourceFolder().get("ClusterBaseModel", found.name)
    if output is OutputFormat.table:
        print_pairs(describe_model(resource), title=f"ClusterBaseModel {found.name}")
    else:
        print_data(resource, output)


def _record(found: "BundleImport", unsafe_pickles: Literal["refuse", "allow"], signed_by: str, signature: str) -> None:
    """Store the manifest and the facts, and publish the model, as the steps of an import do."""
    from crds.storage_uri import LocalUri
    from steps.errors import NotFoundError
    from steps.manifest_store import load_manifest, save_facts, save_manifest
    from steps.parse.model_facts import parse_facts
    from steps.publish_model import PublishInputs, publish_model
    from steps.sources.local import LocalSource

    folder, manifest = found.imported.path, found.manifest
    try:
        load_manifest(manifest.digest)
    except NotFoundError:
        save_manifest(manifest)
    here = tuple(file.model_copy(update={"location": str(folder / file.path)}) for file in manifest.files)
    facts = parse_facts(manifest.model_copy(update={"files": here}), LocalSource(LocalUri(path=str(folder))))
    save_facts(manifest.digest, facts)
    publish_model(
        PublishInputs(
            name=found.name,
            manifest=manifest.digest,
            path=str(folder),
            unsafe_pickles=unsafe_pickles,
            signed_by=signed_by,
            signature=signature,
        )
    )


class _Shown:
    """Draws the progress of one piece of work, as that of a step."""

    def __init__(self, console: "RunConsole", title: str) -> None:
        from pipelines.run_events import StepStarted

        self._console, self._title = console, title
        self._phase, self._since, self._last = "", 0.0, 0.0
        console.listen(StepStarted("bundle", title, 1, Path()))

    def __call__(self, phase: str, completed: int, total: int) -> None:
        from pipelines.run_events import StepProgress
        from steps.progress import Progress

        now = time.monotonic()
        if phase != self._phase:
            self._phase, self._since, self._last = phase, now, 0.0
        if completed < total and now - self._last < _INTERVAL_SECONDS:
            return
        self._last = now
        rate = completed / (now - self._since) if now > self._since else 0.0
        moment = Progress(phase=phase, completed=completed, total=total, rate=rate)
        self._console.listen(StepProgress("bundle", self._title, moment))
