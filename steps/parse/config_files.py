"""Reads a model's small files, several at once: the configuration must be right, the others may only warn."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from steps.errors import InvalidInputError, NotFoundError
from steps.parse.chat import template_in
from steps.parse.config import Config
from steps.parse.params_json import from_params
from steps.parse.ranges import ModelFiles
from steps.parse.strict_json import load_object, load_value

_BESIDE: Final = ("tokenizer_config.json", "chat_template.jinja", "chat_template.json", "modules.json",
                  "config_sentence_transformers.json", "hf_quant_config.json", "adapter_config.json")  # fmt: skip
_THREADS: Final = 8


@dataclass(frozen=True)
class ConfigFiles:
    """The small files of a model.

    Attributes:
        config: `config.json`, or `params.json` under the usual names; None when there is neither.
        chat_template: The template's text, or "".
        tokenizer, hf_quant, adapter, sentence_transformers: Their files, None when not there or broken.
        pools: Whether `modules.json` pools tokens into one vector.
        warnings: What was odd, in sentences.
    """

    config: Config | None
    chat_template: str
    tokenizer: Config | None
    hf_quant: Config | None
    adapter: Config | None
    sentence_transformers: Config | None
    pools: bool
    warnings: list[str] = field(default_factory=list)


def read_config_files(files: ModelFiles, folder: str) -> ConfigFiles:
    """Read the small files of the folder "" or `name/`.

    Raises:
        InvalidInputError: when config.json (or params.json) is broken; names it.
        OmeError: of the source, when a file cannot be read.
    """
    main = [name for name in ("config.json", "params.json") if folder + name in files][:1]
    names = [folder + name for name in (*main, *_BESIDE) if folder + name in files]
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="configs") as threads:
        contents = dict(zip(names, threads.map(files.whole, names), strict=True))
    warnings: list[str] = []
    found: dict[str, Config] = {}
    config = None
    for path in main:
        config = _main_config(contents[folder + path] or b"", folder + path, warnings)
    for name in _BESIDE:
        content = contents.get(folder + name)
        if content is None or name in ("chat_template.jinja", "modules.json"):
            continue
        try:
            found[name] = Config(load_object(content, folder + name), folder + name, warnings)
        except InvalidInputError as error:
            warnings.append(f"{error.message}.")
    template = (contents.get(f"{folder}chat_template.jinja") or b"").decode("utf-8", "replace")
    for name in ("chat_template.json", "tokenizer_config.json"):
        if not template and name in found:
            template = template_in(found[name].values.get("chat_template"))
    return ConfigFiles(
        config=config,
        chat_template=template,
        tokenizer=found.get("tokenizer_config.json"),
        hf_quant=found.get("hf_quant_config.json"),
        adapter=found.get("adapter_config.json"),
        sentence_transformers=found.get("config_sentence_transformers.json"),
        pools=_pools(contents.get(f"{folder}modules.json"), f"{folder}modules.json", warnings),
        warnings=warnings,
    )


def _main_config(content: bytes, path: str, warnings: list[str]) -> Config:
    def note(key: str) -> None:
        if len(warnings) < 50:
            warnings.append(f'{path}: has the key "{key[:60]}" twice; the last one counts.')

    values = load_object(content, path, note)
    config = Config(values, path) if path.endswith("config.json") else from_params(values, path)
    return Config(config.values, path, warnings)


def _pools(content: bytes | None, path: str, warnings: list[str]) -> bool:
    if content is None:
        return False
    try:
        modules = load_value(content, path)
    except InvalidInputError as error:
        warnings.append(f"{error.message}.")
        return False
    kinds = [str(m.get("type", "")) for m in modules if isinstance(m, dict)] if isinstance(modules, list) else []
    return any(
        kind.endswith(("Pooling", "WordWeights", "Normalize", "StaticEmbedding", "SpladePooling")) for kind in kinds
    )


def needed_config(files: ConfigFiles, folder: str, uri: str) -> Config:
    """The configuration.

    Raises:
        NotFoundError: when the model has none.
    """
    if files.config is None:
        raise NotFoundError(
            f"{folder}config.json: is missing from {uri}",
            remedy="Import it too (check the patterns that choose files), or import a GGUF of the model.",
        )
    return files.config
