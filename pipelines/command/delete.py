"""`ome delete` and `ome down`: take away a service, a model or another resource, and leave nothing running."""

from typing import Annotated

import typer

from pipelines.command import options


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(delete)
    app.command()(down)


def delete(
    kind: Annotated[str, typer.Argument(help="service, model, runtime …")],
    name: Annotated[str, typer.Argument(help="Its name.")],
    namespace: options.Namespace = "default",
    force: Annotated[bool, typer.Option("--force", help="Delete a model that a service still uses.")] = False,
) -> None:
    """Delete a service, a model or another resource.

    A service stops; a model's files go unless another model shares them, or its label reserves them.
    """
    from pipelines.command.kind_name import kinds_of
    from pipelines.command.namespaced_name import split_name
    from steps.errors import NotFoundError
    from steps.resources import NAMESPACED, ResourceFolder

    name, namespace = split_name(name, namespace)
    resources = ResourceFolder()
    found = [k for k in kinds_of(kind) if resources.find(k, name, namespace if k in NAMESPACED else "")]
    if not found:
        there = ", ".join(r["metadata"]["name"] for k in kinds_of(kind) for r in resources.list(k)) or "none"
        raise NotFoundError(f'{kind} "{name}" does not exist', remedy=f"There are: {there}.")
    for k in found:
        if k == "InferenceService":
            _delete_service(name, namespace)
        elif k in ("ClusterBaseModel", "BaseModel"):
            _delete_model(k, name, namespace, force)
        else:
            resources.delete(k, name, namespace if k in NAMESPACED else "")
            typer.echo(f"{k}/{name} deleted")


def down() -> None:
    """Stop every service of this machine; models stay."""
    from steps.serving.deployments import stop_all

    stopped = stop_all()
    typer.echo(f"stopped {stopped} service{'s' if stopped != 1 else ''}" if stopped else "Nothing was running.")


def _delete_service(name: str, namespace: str) -> None:
    from steps.serving.deployments import delete as delete_deployment

    delete_deployment(name, namespace)
    typer.echo(f"InferenceService/{name} deleted")


def _delete_model(kind: str, name: str, namespace: str, force: bool) -> None:
    from pathlib import Path

    from crds.labels import RESERVED
    from pipelines.command.output import format_bytes
    from steps.cache import remove_model, reserve_model
    from steps.errors import InvalidInputError
    from steps.published_model import owner_of
    from steps.resources import NAMESPACED, ResourceFolder

    resources = ResourceFolder()
    users = [
        s["metadata"]["name"]
        for s in resources.list("InferenceService")
        if (s["spec"].get("model") or {}).get("name") == name
    ]
    if users and not force:
        raise InvalidInputError(
            f'model "{name}" is used by {", ".join(users)}',
            remedy=f"Delete the service first (`ome delete service {users[0]}`), or give --force.",
        )
    scope = namespace if kind in NAMESPACED else ""
    model = resources.get(kind, name, scope)
    path = (model["spec"].get("storage") or {}).get("path", "")
    if (model["metadata"].get("labels") or {}).get(RESERVED) == "true":
        try:
            is_kept = reserve_model(owner_of(model), path)
        except InvalidInputError:  # a folder that is no import's, as of a manifest from elsewhere: nothing removes it
            is_kept = Path(path).is_dir()
        resources.delete(kind, name, scope)
        words = f"; its files stay, since its label {RESERVED} says so" if is_kept else ""
        typer.echo(f"{kind}/{name} deleted{words}")
        return
    resources.delete(kind, name, scope)
    freed = remove_model(Path(path)).freed_bytes if path and Path(path).is_dir() else 0
    typer.echo(f"{kind}/{name} deleted, {format_bytes(freed)} freed")
