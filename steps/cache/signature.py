"""Refuses a model that is not signed by whom it must be, before its folder appears. By `importing`, `bundle_import`.

Who signed is verified by the library of OpenSSF Model Signing, which is large and therefore optional; it is imported
when a signature is asked for. It would read and hash every file: it is given digests instead, those by which the files
were verified when they came. Files that came by another digest than SHA-256 are read for it.
"""

import contextlib
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from crds.problems import FieldError
from crds.signature_policy import DEFAULT_SIGNATURE, checked_signer, is_certificate, signer_digest
from steps.cache.store import ObjectStore
from steps.errors import InvalidInputError, SignatureError, UnsupportedError
from steps.manifest import FileEntry, Manifest

if TYPE_CHECKING:
    from model_signing.manifest import Manifest as LibrarysManifest

    from steps.cache.signed_statement import SignedStatement

LARGEST: Final = 8 << 20
"""Bytes of a signature, enough for one of 30,000 files: what reads it holds it many times over."""
_SIGN_IT: Final = (
    "Sign it with `model_signing sign key MODEL --private_key KEY --signature MODEL/model.sig`, or name the file in "
    "--signature, or spec.storage.parameters.signature. Without signedBy (--signed-by) no signature is asked for."
)
_SIGN_AGAIN: Final = (
    "Take the revision that was signed, have the model signed again, or leave files that nobody signed out with "
    "ignorePatterns (--ignore). What was fetched is kept."
)


@dataclass(frozen=True)
class SignaturePolicy:
    """Whose signature a model must have.

    Attributes:
        signed_by: Public key, or certificates, in PEM.
        file: The file of the model that the signature is in.
    """

    signed_by: str
    file: str = DEFAULT_SIGNATURE


def signature_policy(signed_by: str, file: str = "") -> SignaturePolicy | None:
    """The policy of an import; None when no signature is asked for.

    Raises:
        InvalidInputError: when nobody could have signed so, or nothing says who must have.
    """
    if not signed_by:
        if file not in ("", DEFAULT_SIGNATURE):
            raise InvalidInputError(
                f'signature: is "{file}", and nothing says whose it must be',
                remedy="Give signedBy (--signed-by) too: the public key, or certificates.",
            )
        return None
    try:
        return SignaturePolicy(checked_signer(signed_by), file or DEFAULT_SIGNATURE)
    except FieldError as error:
        raise InvalidInputError(f"signedBy: {error.message}", remedy=f"Accepted: {error.accepted}.") from None


def foresee_unsigned(manifest: Manifest, policy: SignaturePolicy, read: Callable[[FileEntry], bytes]) -> None:
    """Refuse a manifest before its files are fetched, by its signature and by those digests that it has.

    Args:
        manifest: Its files.
        policy: Who must have signed them.
        read: Gives the bytes of a file; asked for the signature alone.

    Raises:
        OmeError: as `refuse_unsigned`, and what `read` raises.
    """
    statement = _signed(manifest, policy, read(_find(manifest, policy)))

    def sha256_of(file: FileEntry) -> str:
        return file.digest if file.algorithm == "sha256" else statement.digests[file.path]

    _refuse_differences(manifest, policy, statement, sha256_of)


def refuse_unsigned(
    manifest: Manifest, policy: SignaturePolicy | None, store: ObjectStore, place: Callable[[FileEntry], Path]
) -> None:
    """Refuse a manifest whose files are not those that were signed, by whom the policy says.

    Args:
        manifest: Its files, which are all there.
        policy: None asks for no signature.
        store: Knows the digests by which they were verified.
        place: Where the bytes of a file are.

    Raises:
        SignatureError: says whose signature it is not, or which files were not signed so.
        UnsupportedError: when the library is not installed, or the signature is of a kind that is not verified.
        InvalidInputError: when the key or the certificates cannot be read.
        OSError: when a file cannot be read.
    """
    if policy is None:
        return
    statement = _signed(manifest, policy, place(_find(manifest, policy)).read_bytes())
    _refuse_differences(manifest, policy, statement, lambda file: store.sha256(file, place(file)))
    signer, count = signer_digest(policy.signed_by), len(statement.digests)
    sys.stderr.write(f"{_where(manifest, policy)}: is a signature by {signer}, of {count} files\n")


def _where(manifest: Manifest, policy: SignaturePolicy) -> str:
    return f'{manifest.uri}: "{policy.file}"'


def _find(manifest: Manifest, policy: SignaturePolicy) -> FileEntry:
    file = manifest.file(policy.file)
    left_out = next((left for left in manifest.left_out if left.path == policy.file), None)
    if left_out is not None:
        why = f"{_where(manifest, policy)}: the signature was left out, as it {left_out.reason}"
        raise SignatureError(why, remedy="Let allowPatterns and ignorePatterns (--allow, --ignore) take it too.")
    if file is None:
        raise SignatureError(f'{manifest.uri}: has no signature "{policy.file}"', remedy=_SIGN_IT)
    if not 0 < file.size <= LARGEST:
        where = _where(manifest, policy)
        raise SignatureError(f"{where}: has {file.size} bytes, a signature at most {LARGEST}", remedy=_SIGN_IT)
    return file


def _signed(manifest: Manifest, policy: SignaturePolicy, content: bytes) -> "SignedStatement":
    """What was signed, once it is sure who signed it."""
    from steps.cache.signed_statement import read_statement

    where = _where(manifest, policy)
    statement = read_statement(content, where)
    statement.refuse_other_method(policy.signed_by, where)
    _refuse_other_signer(content, policy, statement, where)
    return statement


def _refuse_differences(
    manifest: Manifest, policy: SignaturePolicy, statement: "SignedStatement", sha256_of: Callable[[FileEntry], str]
) -> None:
    from steps.cache.signed_statement import compare

    if differences := compare(statement, manifest, policy.file, sha256_of):
        told = f"{_where(manifest, policy)}: is a signature of other files: {'; '.join(differences)}"
        raise SignatureError(told, remedy=_SIGN_AGAIN)


def _refuse_other_signer(content: bytes, policy: SignaturePolicy, statement: "SignedStatement", where: str) -> None:
    """Let the library verify who signed; it also finds a reading of the statement that is not its own."""
    try:
        from model_signing.verifying import Config
    except ImportError:
        raise UnsupportedError(
            f"{where}: the library that verifies signatures is not installed here",
            remedy="`.venv/bin/python -m pip install 'model-signing>=1.1.1,<1.2'`; the image of the steps has it.",
        ) from None
    with tempfile.TemporaryDirectory() as made, contextlib.redirect_stdout(sys.stderr):
        folder = Path(made)
        signer, signature = folder / "signer.pem", folder / "signature"
        signer.write_text(policy.signed_by)
        signature.write_bytes(content)
        try:
            config = (
                Config().use_certificate_verifier(certificate_chain=[signer])
                if is_certificate(policy.signed_by)
                else Config().use_elliptic_key_verifier(public_key=signer)
            )
        except Exception as error:  # noqa: BLE001 - whatever its parsers raise, what was given is not what they take
            raise InvalidInputError(
                f"signedBy: cannot be used ({_told(error)})",
                remedy="Accepted: a key on the curve P-256, P-384 or P-521, or certificates, in PEM.",
            ) from None
        try:
            config.set_hashing_config(_Stated(statement)).verify(folder, signature)
        except Exception as error:  # noqa: BLE001 - hostile input: nothing that raises is a signature
            raise SignatureError(
                f"{where}: is no signature by {signer_digest(policy.signed_by)} ({_told(error)})"
            ) from None


class _Stated:
    """Stands where the library takes how a model's files are hashed: tells what it should find, and reads none."""

    def __init__(self, statement: "SignedStatement") -> None:
        self._statement = statement

    def add_ignored_paths(self, *, model_path: Any, paths: Iterable[Any]) -> None:
        """Paths that the library would not read."""

    def hash(self, model_path: Any, *, files_to_hash: Any = None) -> "LibrarysManifest":
        """The files as `read_statement` found them."""
        from model_signing import manifest

        items = [
            manifest.FileManifestItem(
                path=PurePosixPath(name), digest=manifest.hashing.Digest("sha256", bytes.fromhex(digest))
            )
            for name, digest in self._statement.digests.items()
        ]
        made = {"method": "files", "hash_type": "sha256", "allow_symlinks": False}
        return manifest.Manifest(self._statement.name, items, manifest.SerializationType.from_args(made))


def _told(error: Exception) -> str:
    """What an error of the library says, on one line."""
    words = " ".join(str(error).split())
    return f"{type(error).__name__}: {words[:200]}" if words else type(error).__name__
