"""What a model's signature is about: the files that it names with their digests, and how a model compares. Pure.

A signature of OpenSSF Model Signing 1.0 is a Sigstore bundle around an in-toto statement, whose predicate lists the
files. It is read here for the comparison alone: who signed it is verified in `steps.cache.signature`, by the project's
own library, which also compares its reading with this one.
"""

import base64
import binascii
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from crds.signature_policy import is_certificate
from steps.errors import SignatureError, UnsupportedError
from steps.manifest import FileEntry, Manifest

Method = Literal["key", "certificate", "keyless"]

_GITS: Final = frozenset({".git", ".gitattributes", ".github", ".gitignore"})
"""What the tools leave out of a signature unless told otherwise: nothing that loads a model reads it."""
_SHOWN: Final = 5
_WHOLE_FILES: Final = "Sign the model anew with `model_signing sign key` (or `certificate`): whole files by SHA-256."


@dataclass(frozen=True)
class SignedStatement:
    """What was signed.

    Attributes:
        method: What the signature says it was made with.
        name: What the signer called the model.
        digests: SHA-256 of each file, in hexadecimal, by path.
        ignored: Paths that the signer left out, and with them all that lies below.
    """

    method: Method
    name: str
    digests: dict[str, str]
    ignored: tuple[str, ...]

    def refuse_other_method(self, signer: str, where: str) -> None:
        """Refuse a signature that what is trusted can say nothing about.

        Args:
            signer: In PEM.
            where: Begins the message.

        Raises:
            UnsupportedError: for one made without a key.
            SignatureError: for a key's, where certificates are trusted, and the other way round.
        """
        if self.method == "keyless":
            raise UnsupportedError(
                f"{where}: was made without a key, by an identity (Sigstore's keyless signing), and such signatures "
                "are not verified",
                remedy="Have the model signed with a key or a certificate: `model_signing sign key`.",
            )
        wanted = "certificate" if is_certificate(signer) else "key"
        if self.method != wanted:
            raise SignatureError(
                f"{where}: was made with a {self.method}, and signedBy is a {wanted}",
                remedy="Give the signer's certificates in PEM, or the public key, in signedBy (--signed-by).",
            )


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class _Envelope(_Read):
    payload: str


class _Bundle(_Read):
    material: dict[str, Any] = Field(alias="verificationMaterial")
    envelope: _Envelope = Field(alias="dsseEnvelope")


class _Named(_Read):
    name: str


class _Resource(_Read):
    name: str
    algorithm: str
    digest: str = Field(pattern=r"^[0-9a-f]*$")


class _Serialization(_Read):
    method: str
    hash_type: str = ""
    ignore_paths: list[str] = []


class _Predicate(_Read):
    serialization: _Serialization
    resources: list[_Resource]


class _Statement(_Read):
    predicate_type: Literal["https://model_signing/signature/v1.0"] = Field(alias="predicateType")
    subject: list[_Named] = Field(min_length=1, max_length=1)
    predicate: _Predicate


def read_statement(content: bytes, where: str) -> SignedStatement:
    """What a signature is about, by its own words: nobody has verified them.

    Args:
        content: Of the file.
        where: Begins the messages of errors.

    Raises:
        SignatureError: when it is no signature of a model.
        UnsupportedError: when files are named by something else than their SHA-256.
    """
    try:
        bundle = _Bundle.model_validate(json.loads(content))
        payload = json.loads(base64.b64decode(bundle.envelope.payload, validate=True))
        statement = _Statement.model_validate(payload)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise _no_signature(where, f"{place}: {first['msg']}") from None
    except (ValueError, binascii.Error, RecursionError) as error:
        raise _no_signature(where, str(error)) from None
    made, resources = statement.predicate.serialization, statement.predicate.resources
    algorithms = {made.hash_type, *(each.algorithm for each in resources)}
    if made.method != "files" or algorithms != {"sha256"}:
        raise UnsupportedError(
            f"{where}: names {made.method} by their {', '.join(sorted(algorithms))}, and not files by their sha256",
            remedy=_WHOLE_FILES,
        )
    digests = {each.name: each.digest for each in resources}
    if len(digests) < len(resources):
        raise _no_signature(where, "it names a file twice")
    method: Method = "keyless"
    if "publicKey" in bundle.material:
        method = "key"
    elif "x509CertificateChain" in bundle.material:
        method = "certificate"
    return SignedStatement(method, statement.subject[0].name, digests, tuple(made.ignore_paths))


def compare(
    statement: SignedStatement, manifest: Manifest, signature: str, sha256_of: Callable[[FileEntry], str]
) -> tuple[str, ...]:
    """How a model differs from what was signed, a clause for each way; nothing when it does not.

    Every file must be signed, but the signature itself and git's own files where the signer left them out. What was
    signed must be there, unless the manifest says that it was left out.

    Args:
        statement: What was signed.
        manifest: The model.
        signature: The file that the signature is in.
        sha256_of: A file's SHA-256, in hexadecimal.
    """
    signed = {file.path: file for file in manifest.files if file.path in statement.digests}
    left_out = {left.path for left in manifest.left_out}
    unsigned = [
        file.path
        for file in manifest.files
        if file.path not in signed and file.path != signature and not _is_gits(file.path, statement.ignored)
    ]
    gone = [path for path in statement.digests if path not in signed and path not in left_out]
    changed = [path for path, file in signed.items() if sha256_of(file) != statement.digests[path]]
    return tuple(
        f"{_named(paths)} {words}"
        for paths, words in ((changed, "changed"), (unsigned, "not signed"), (gone, "signed and not there"))
        if paths
    )


def _is_gits(path: str, ignored: Iterable[str]) -> bool:
    top = path.partition("/")[0]
    return top in _GITS and top in {each.rstrip("/") for each in ignored}


def _named(paths: list[str]) -> str:
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return f"{', '.join(sorted(paths)[:_SHOWN])}{more} {'is' if len(paths) == 1 else 'are'}"


def _no_signature(where: str, why: str) -> SignatureError:
    return SignatureError(f"{where}: is no signature of OpenSSF Model Signing 1.0 ({why})", remedy=_WHOLE_FILES)
