"""Every error a user can meet, by class.

A class decides three things: the exit code (which Argo's and the local runner's retry rules read), whether another
attempt can help, and the remedy printed under the message. Steps raise these; `steps.__main__` and the command line
print them. Nothing else reaches a user.
"""

from typing import ClassVar


class OmeError(Exception):
    """Base of all classed errors.

    Args:
        message: What was wrong, with the value and the field or file it was found in.
        remedy: What the user can do. Classes have a general one; callers give a better one where they can.
        retry_after_seconds: How long the other side asked us to wait, where it said so.

    Attributes:
        outputs: What a step leaves although it failed, as its `StepOutputs`; most leave nothing.
    """

    code: ClassVar[str] = "internal"
    exit_code: ClassVar[int] = 1
    retryable: ClassVar[bool] = False
    default_remedy: ClassVar[str] = "This is a fault of ome-pipelines: please report it with the log of the run."

    def __init__(self, message: str, *, remedy: str = "", retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy or self.default_remedy
        self.retry_after_seconds = retry_after_seconds
        self.outputs: object = None


class AuthError(OmeError):
    """The source refused our credentials, or asks for some: HTTP 401 and 403, gated repositories."""

    code = "auth"
    exit_code = 10
    default_remedy = "Give a token that may read this model: set HF_TOKEN, or name a Secret in spec.storage.key."


class NotFoundError(OmeError):
    """A repository, revision, file or resource does not exist."""

    code = "not-found"
    exit_code = 11
    default_remedy = "Check the name and its spelling."


class DiskFullError(OmeError):
    """The disk cannot hold what is asked for; the message has the numbers."""

    code = "disk-full"
    exit_code = 12
    default_remedy = "Free space, delete a model with `ome delete`, or choose another models root."


class RateLimitedError(OmeError):
    """The source asks us to slow down (HTTP 429, or 503 with a time to wait) and patience has run out."""

    code = "rate-limited"
    exit_code = 13
    retryable = True
    default_remedy = "Wait and run again: what is already downloaded is kept. A token raises the hub's limits."


class IntegrityError(OmeError):
    """Bytes differ from their digest, or a file changed at its source while it was read."""

    code = "integrity"
    exit_code = 14
    retryable = True
    default_remedy = "Run again to fetch the file anew; if it fails again, the copy at the source is damaged."


class UnsupportedError(OmeError):
    """Valid, but not something this version can do."""

    code = "unsupported"
    exit_code = 15
    default_remedy = "See the documentation for what is supported."


class InvalidInputError(OmeError):
    """A value that a user or a file gave is wrong: the message names field, value and what is accepted."""

    code = "invalid-input"
    exit_code = 16
    default_remedy = "Correct the value and run again."


class UnsafeError(OmeError):
    """A file of a model would run code when it is loaded, or cannot be looked into: a pickle."""

    code = "unsafe"
    exit_code = 19
    default_remedy = (
        "Take a revision with safetensors, or leave these files out with ignorePatterns. If you trust their author: "
        "--unsafe-pickles allow, or spec.storage.parameters.unsafePickles: allow. What was fetched is kept."
    )


class SignatureError(IntegrityError):
    """A model is not signed as it was asked to be: no signature, another signer's, or of other files or bytes."""

    code = "signature"
    exit_code = 23
    retryable = False
    default_remedy = (
        "Have the model signed again as it is now, or take the revision that was signed. The key or the certificates "
        "are those of --signed-by, or spec.storage.parameters.signedBy. What was fetched is kept."
    )


class DamagedError(IntegrityError):
    """Files of a cache are not what they should be, and were not to be mended, or could not."""

    code = "damaged"
    exit_code = 22
    retryable = False
    default_remedy = "Run `ome cache verify --repair`, or audit-cache with damaged=repair."


class DoesNotFitError(OmeError):
    """No runtime and accelerator at hand can run the model; the message has the numbers."""

    code = "does-not-fit"
    exit_code = 17
    default_remedy = "Use a smaller or quantized model, a shorter context, or a larger accelerator."


class NetworkError(OmeError):
    """A transient failure on the way: connection reset, time-out, HTTP 5xx."""

    code = "network"
    exit_code = 20
    retryable = True
    default_remedy = "Check the connection and run again: what is already downloaded is kept."


class OverloadedError(NetworkError):
    """Of these, those that fewer requests at once may help: HTTP 503, and a transfer that brings no byte for long."""


class ClusterError(OmeError):
    """The cluster, or on one machine the deployment, did not do what was asked."""

    code = "cluster"
    exit_code = 21
    retryable = True
    default_remedy = "See the log named above."


class EngineFailedError(ClusterError):
    """An engine ended again and again, or cannot be started: its supervisor was patient already, so no one else is."""

    code = "engine"
    exit_code = 18
    retryable = False
    default_remedy = "See the last lines of its log; correct the runtime, the service or the model, and deploy again."


CLASSES: tuple[type[OmeError], ...] = (
    AuthError, NotFoundError, DiskFullError, RateLimitedError, IntegrityError, UnsupportedError, InvalidInputError,
    UnsafeError, SignatureError, DamagedError, DoesNotFitError, NetworkError, ClusterError, EngineFailedError,
)  # fmt: skip

RETRYABLE_EXIT_CODES: tuple[int, ...] = tuple(c.exit_code for c in CLASSES if c.retryable)
"""Exit codes after which another attempt can help; the templates' retry expressions are made from it."""
