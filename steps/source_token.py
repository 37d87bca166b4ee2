"""The token of a model's source: it comes as HF_TOKEN from the Secret that the inputs name, and never as a parameter.

Called by the steps that read a source. A Secret or key that is not there leaves the variable empty, because a pod that
cannot start would tell nobody why.
"""

import os

from steps.cluster.pod import system_namespace
from steps.errors import AuthError


def require_token(secret: str, key: str) -> None:
    """See that the token of a Secret has come, when one is named.

    Raises:
        AuthError: names Secret, namespace and key, with the command that makes it.
    """
    if not secret or os.environ.get("HF_TOKEN", "").strip():
        return
    namespace = system_namespace()
    if not namespace:
        raise AuthError(
            f'secret: "{secret}" is named, and HF_TOKEN is empty: one machine keeps no Secrets',
            remedy=f"Set HF_TOKEN to what {secret} has under {key}, or leave the Secret out.",
        )
    raise AuthError(
        f'Secret "{secret}" of namespace {namespace} does not exist, or has nothing under the key "{key}"',
        remedy=f"Make it: `kubectl create secret generic {secret} -n {namespace} --from-file={key}=FILE`, where FILE "
        "holds the token; or name another Secret or key.",
    )
