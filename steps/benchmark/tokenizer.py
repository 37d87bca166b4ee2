"""The tokenizer folder that genai-bench shapes prompts with: the model's own, or one made from its GGUF vocabulary.

Called by `steps.benchmark_endpoint`. Folders are kept by content in `OME_HOME/tokenizers`, so a second benchmark of
the same model makes none. Only data is taken over: a tokenizer class named by the model is never loaded.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from steps.benchmark.vocabulary import build_tokenizer, end_tokens, special_tokens
from steps.errors import InvalidInputError, NotFoundError, UnsupportedError
from steps.home import part
from steps.parse.gguf import GgufHeader, read_gguf_metadata

BUILDER_VERSION: Final = 1
MAX_CONFIG_BYTES: Final = 16 << 20
_CLASS: Final = "PreTrainedTokenizerFast"
_SPECIAL: Final = ("bos_token", "eos_token", "unk_token", "pad_token")


class TokenizerFolder(NamedTuple):
    """Where the tokenizer is, and what else was learned from its source.

    Attributes:
        path: Holds tokenizer.json and tokenizer_config.json.
        end_tokens: Ids that end an answer; empty when no GGUF tells them.
        source: "tokenizer.json" or "GGUF vocabulary".
    """

    path: Path
    end_tokens: tuple[int, ...]
    source: str


def make_tokenizer_folder(model_folder: Path, weight_files: tuple[str, ...] = ()) -> TokenizerFolder:
    """The tokenizer of a cached model.

    Args:
        model_folder: Where its files are.
        weight_files: Relative paths; the first GGUF among them, or in the folder, is read.

    Raises:
        NotFoundError: when the model is not cached here.
        UnsupportedError: when it has neither tokenizer.json nor a GGUF vocabulary that can be built.
        InvalidInputError: when either is broken.
    """
    if not model_folder.is_dir():
        raise NotFoundError(f"model folder {model_folder} does not exist", remedy="Import the model again.")
    gguf = _first_gguf(model_folder, weight_files)
    header = _read_header(gguf) if gguf else None
    ends = end_tokens(header.metadata) if header else ()
    own = model_folder / "tokenizer.json"
    if own.is_file():
        return TokenizerFolder(_copied(own), ends, "tokenizer.json")
    if header is None:
        raise UnsupportedError(
            f"tokenizer: {model_folder} has no tokenizer.json and no GGUF file",
            remedy="Add the model's tokenizer.json to the model and import it again.",
        )
    return TokenizerFolder(_built(header), ends, "GGUF vocabulary")


def _first_gguf(folder: Path, weight_files: tuple[str, ...]) -> Path | None:
    named = [folder / name for name in weight_files if name.lower().endswith(".gguf")]
    found = named or sorted(folder.glob("*.gguf"))
    return next((path for path in found if path.is_file()), None)


def _read_header(path: Path) -> GgufHeader:
    with path.open("rb") as file:

        def read(start: int, end: int) -> bytes:
            file.seek(start)
            return file.read(end - start)

        return read_gguf_metadata(read, path.stat().st_size, name=path.name)


def _copied(tokenizer: Path) -> Path:
    content = tokenizer.read_bytes()
    beside = tokenizer.with_name("tokenizer_config.json")
    settings = _small_json(beside) if beside.is_file() else {}
    config: dict[str, object] = {"tokenizer_class": _CLASS, "clean_up_tokenization_spaces": False}
    for name in _SPECIAL:
        value = settings.get(name)
        text = value.get("content") if isinstance(value, dict) else value
        if isinstance(text, str):
            config[name] = text
    return _kept(hashlib.sha256(content + json.dumps(config).encode()).hexdigest(), lambda: (content, config))


def _small_json(path: Path) -> dict[str, object]:
    if path.stat().st_size > MAX_CONFIG_BYTES:
        raise InvalidInputError(f"{path.name}: is larger than {MAX_CONFIG_BYTES} bytes")
    try:
        loaded = json.loads(path.read_text())
    except ValueError as error:
        raise InvalidInputError(f"{path.name}: is not JSON: {error}") from None
    return loaded if isinstance(loaded, dict) else {}


def _built(header: GgufHeader) -> Path:
    vocabulary = {key: value for key, value in header.metadata.items() if key.startswith("tokenizer.ggml.")}
    digest = hashlib.sha256(repr(sorted(vocabulary.items())).encode()).hexdigest()

    def content() -> tuple[bytes, dict[str, object]]:
        config = {
            "tokenizer_class": _CLASS,
            "clean_up_tokenization_spaces": False,
            "model_max_length": header.number(f"{header.text('general.architecture')}.context_length") or 1 << 30,
            **special_tokens(vocabulary),
        }
        return build_tokenizer(vocabulary).to_str().encode(), config

    return _kept(digest, content)


def _kept(digest: str, content: Callable[[], tuple[bytes, dict[str, object]]]) -> Path:
    """The folder of `digest`, made when missing; safe when two make it at once."""
    root = part("tokenizers")
    folder = root / f"{digest[:32]}-v{BUILDER_VERSION}"
    if folder.is_dir():
        return folder
    tokenizer, config = content()
    making = Path(tempfile.mkdtemp(dir=root, prefix=".making-"))
    try:
        (making / "tokenizer.json").write_bytes(tokenizer)
        (making / "tokenizer_config.json").write_text(json.dumps(config, ensure_ascii=False))
        making.chmod(0o755)
        try:
            making.rename(folder)
        except OSError:
            if not folder.is_dir():
                raise
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return folder
