"""`ome import`: bring a model's files to this machine, verified, and publish it."""

import typer

from crds.signature_policy import DEFAULT_SIGNATURE
from pipelines.command import options
from pipelines.command.output import Output, OutputFormat, print_data, print_pairs


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("import")(import_model)


def import_model(
    uri: options.Uri,
    name: options.Name = "",
    revision: options.Revision = "",
    path: options.Path = "",
    allow: options.Allow = None,
    ignore: options.Ignore = None,
    unsafe_pickles: options.UnsafePickles = "refuse",
    signed_by: options.SignedBy = "",
    signature: options.Signature = DEFAULT_SIGNATURE,
    manifest_digest: options.ManifestDigest = "",
    output: Output = OutputFormat.table,
) -> None:
    """Bring a model to this machine, verified.

    It is resolved to one revision, its headers are parsed, its files cached and checked against their digests, and it
    is published as a ClusterBaseModel. Killed or cancelled, it goes on where it was when run again.
    """
    from pipelines.command.model_name import checked_uri, name_of
    from pipelines.command.pipeline import run_pipeline
    from pipelines.command.resource_table import describe_model
    from pipelines.command.signer import signer_in
    from steps.contract import to_parameter
    from steps.home import checked_name
    from steps.resources import ResourceFolder

    model = checked_name("--name", name) if name else name_of(uri)
    run_pipeline(
        "import-model",
        {
            "uri": checked_uri(uri),
            "name": model,
            "revision": revision,
            "path": path,
            "allow_patterns": to_parameter(allow or []),
            "ignore_patterns": to_parameter(ignore or []),
            "unsafe_pickles": unsafe_pickles,
            "signed_by": signer_in(signed_by),
            "signature": signature,
            "manifest_digest": manifest_digest,
        },
    )
    resource = ResourceFolder().get("ClusterBaseModel", model)
    if output is OutputFormat.table:
        print_pairs(describe_model(resource), title=f"ClusterBaseModel {model}")
    else:
        print_data(resource, output)
