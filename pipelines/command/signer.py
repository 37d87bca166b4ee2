"""The file behind `--signed-by`: who must have signed a model."""

from pathlib import Path


def signer_in(file: str) -> str:
    """The PEM of a public key, or of certificates, in a file; "" where none is named.

    Raises:
        NotFoundError: when there is no such file.
        InvalidInputError: when it is something else; names the file.
    """
    from crds.problems import FieldError
    from crds.signature_policy import checked_signer
    from steps.errors import InvalidInputError, NotFoundError

    if not file:
        return ""
    try:
        return checked_signer(Path(file).expanduser().read_text())
    except FileNotFoundError:
        raise NotFoundError(f"--signed-by: {file} does not exist") from None
    except FieldError as error:
        raise InvalidInputError(
            f"--signed-by: {file} {error.message}", remedy=f"Accepted: {error.accepted}."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"--signed-by: {file} cannot be read ({error})") from None
