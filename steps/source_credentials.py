"""What the Secret of a model's source must have brought: the hub's token, or the keys of an object store.

It never comes as a parameter: the hub's token is the variable HF_TOKEN, and the whole Secret is mounted for stores.
Called by the steps that read a source. A Secret or key that is not there leaves them empty, because a pod that cannot
start would tell nobody why.
"""

import os

from steps.cluster.pod import system_namespace
from steps.credentials import SECRET_KEYS, credential
from steps.errors import AuthError


def require_credentials(uri: str, secret: str, key: str) -> None:
    """See that what a Secret holds for a source has come, when one is named.

    Args:
        uri: Storage URI of the model.
        secret: Name of the Secret; "" for none.
        key: Of the hub's token in it.

    Raises:
        AuthError: names Secret, namespace and keys, with the command that makes it.
    """
    keys = SECRET_KEYS.get(uri.partition("://")[0], ())
    if not secret or (credential(*keys) if keys else os.environ.get("HF_TOKEN", "").strip()):
        return
    namespace = system_namespace()
    first = keys[0] if keys else key
    if not namespace:
        variable = first if keys else "HF_TOKEN"
        raise AuthError(
            f'secret: "{secret}" is named, and {variable} is empty: one machine keeps no Secrets',
            remedy=f"Set {variable} to what {secret} has under {first}, or leave the Secret out.",
        )
    raise AuthError(
        f'Secret "{secret}" of namespace {namespace} does not exist, or has nothing under the key "{first}"',
        remedy=f"Make it: `kubectl create secret generic {secret} -n {namespace} --from-file={first}=FILE`, where "
        "FILE holds it; or name another Secret or key.",
    )
