"""Accounts and rights with our label, those too that an earlier version made and this one does not know any more.

`ome uninstall` deletes all of them. `ome install` deletes rights in the whole cluster that it does not make: nobody
would look for them there. Accounts and roles of the namespace stay, for runs that began with them.
"""

from collections.abc import Callable, Sequence

from pipelines.install.accounts import COMPONENT as ACCESS
from pipelines.install.bundle import Part
from pipelines.install.connection import InstallApi, Object, type_of
from pipelines.install.objects import COMPONENT, OURS, is_of_resource, title_of
from pipelines.install.options import NAMESPACE
from steps.errors import AuthError

_EVERYWHERE = ("ClusterRoleBinding", "ClusterRole")
_IN_NAMESPACE = ("RoleBinding", "Role", "ServiceAccount")


def labelled_access(api: InstallApi) -> list[Object]:
    """Bindings, roles and accounts that came with an installation of any version, but none of a service's own."""
    there = [each for kind in _EVERYWHERE for each in api.all(kind, labels=OURS)]
    there += [each for kind in _IN_NAMESPACE for each in api.all(kind, NAMESPACE, OURS)]
    return [each for each in there if not is_of_resource(each)]


def left_over(api: InstallApi, parts: Sequence[Part]) -> list[Object]:
    """Roles of the whole cluster and their bindings that came with an installation, and are none of these parts'.

    None where this user may not list them: whoever applies parts by name need not have that right.
    """
    made = {title_of(body) for part in parts for body in part.objects}
    labels = f"{OURS},{COMPONENT}={ACCESS}"
    try:
        return [each for kind in _EVERYWHERE for each in api.all(kind, labels=labels) if title_of(each) not in made]
    except AuthError:
        return []


def delete_left_over(api: InstallApi, parts: Sequence[Part], report: Callable[[str], None]) -> None:
    """Delete them, with a line for each."""
    for each in left_over(api, parts):
        api.delete(type_of(each), each["metadata"]["name"])
        report(f"left over from another version: {title_of(each)} deleted")
