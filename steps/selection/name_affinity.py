"""What the names of a model and of a runtime say of each other: made for this model, for another one, or for any.

OME's own runtimes are called after the model they were tuned for (`vllm-llama-3-1-70b-instruct`). `ranking` asks
`compare_names`. No model is known by name here: words are compared with words, sizes and versions with numbers, and
what a name says of quantization with the facts. Words of serving and of hardware say nothing of a model.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from steps.facts import Facts
from steps.selection.request import ModelReference

_ENGINES = frozenset({
    "vllm", "srt", "sgl", "sglang", "tgi", "tei", "trt", "trtllm", "tensorrt", "triton", "nim", "lmdeploy", "mlc",
    "ray", "dynamo", "enginellamacpp", "cpp", "python", "llm", "text", "generation", "embeddings", "inference",
    "server", "serving", "engine", "runtime", "rt", "router", "openai",
})  # fmt: skip
_HARDWARE = frozenset({
    "cpu", "gpu", "gpus", "nvidia", "amd", "intel", "rocm", "cuda", "hopper", "ampere", "blackwell", "ada", "pcie",
    "sxm", "nvl",
})  # fmt: skip
_DEPLOYMENT = frozenset({
    "rdma", "pd", "prefill", "decode", "disaggregated", "single", "multi", "node", "nodes", "default", "generic",
    "general", "common", "any", "cluster", "safetensors", "gguf", "onnx", "dynamic", "static", "quantized", "ai",
    "test", "dev", "staging", "prod", "production", "my", "our", "team", "custom", "example", "sample", "demo",
    "fast", "latency", "throughput", "optimized", "dedicated", "shared", "public", "internal",
})  # fmt: skip
_SAYS_NOTHING = _ENGINES | _HARDWARE | _DEPLOYMENT
_CLASSES = frozenset({
    "tiny", "small", "medium", "large", "huge", "dense", "moe",
})  # fmt: skip
"""What runtimes for many models are called; beside a word of the model's it is part of a name, as in `bge-large`."""
_TUNING = frozenset({
    "instruct", "chat", "it", "base",
})  # fmt: skip
_BOUNDS = frozenset({
    "up", "to", "from", "over", "under", "above", "below",
})  # fmt: skip

_LLAMA_CPP = re.compile(r"llama[-_.]?(?:cpp|server)")
_PARALLEL_OR_DEVICE = re.compile(
    r"(?:tp|pp|dp|ep|cu|cuda)\d+|\d+(?:x?gpus?|cards?|nodes?|gb|gib)|(?:(?!v)[a-z]{1,2}\d{2,3}|v\d{3})[a-z]?"
)
_SIZE = re.compile(r"(?:(\d+)x)?(\d+)([bmt])")
_BITS = re.compile(r"(?:bf|fp|nvfp|mxfp|int|q|iq)(\d+)|w(\d+)a\d+")
_METHODS = frozenset({
    "awq", "gptq", "bitsandbytes", "nvfp4", "mxfp4",
})  # fmt: skip
_NUMBERED = re.compile(r"([a-z]+)(\d+)")
_CLASS_SUFFIX = re.compile(r"(?:For[A-Z]|LMHead|Model\b|Pipeline\b).*")
_UNQUANTIZED_BITS = 16
_UNITS = {"m": 10**6, "b": 10**9, "t": 10**12}
_SAME_SIZE = 0.25
"""A name rounds: models called 7b have 6.7 to 8.5 billion parameters, and 8x7b has 47."""

Version = tuple[int, ...]


class Size(NamedTuple):
    """A size in a name.

    Attributes:
        text: As written, "70b".
        readings: Parameters; two where a number stands before it, for `1-5b` is 1.5 or 5 billion.
    """

    text: str
    readings: tuple[float, ...]


class NameParts(NamedTuple):
    """A name taken apart.

    Attributes:
        words: Its words with the version that follows each: `llama-3-1` is {"llama": (3, 1)}.
        sizes: Its sizes.
        quantizations: Words that say how weights are stored, "fp8".
    """

    words: Mapping[str, Version]
    sizes: tuple[Size, ...]
    quantizations: tuple[str, ...]


class KnownModel(NamedTuple):
    """All that is known of a model's identity, read once for all runtimes.

    Attributes:
        name: The parts of all its names together.
        stem: Its architecture without what all have, such as "llama", with its model type.
        counts: Its parameters in all, and those used per token; unknown ones are left out.
        method: Its quantization's method, "" for none.
        bits: Whole bits of its weights, 16 where they are not quantized.
        size_text: Its size as facts print it.
    """

    name: NameParts
    stem: str
    counts: tuple[int, ...]
    method: str
    bits: int
    size_text: str

    @property
    def is_exact(self) -> bool:
        """Whether its name is one of many alike (with a size or a version), so that a further word is another one."""
        return bool(self.name.sizes) or any(self.name.words.values())


class NameAffinity(NamedTuple):
    """What two names say of each other.

    Attributes:
        conflict: Why the runtime is made for another model, in a clause; "" when nothing says so.
        shared: Words, numbers of versions and sizes that both have, where the runtime is called after the model;
            else 0.
        likeness: All that both have less what the model has not, whatever the runtime is called after.
    """

    conflict: str = ""
    shared: int = 0
    likeness: int = 0


def know_model(model: ModelReference, facts: Facts) -> KnownModel:
    """Read a model's names and facts once."""
    names = [read_name(name) for name in (model.name, *model.also_called)]
    words: dict[str, Version] = {}
    for parts in names:
        for word, version in parts.words.items():
            words[word] = words.get(word) or version
    first_sizes = next((parts.sizes for parts in names if parts.sizes), ())
    everything = NameParts(
        words,
        first_sizes,
        tuple(dict.fromkeys(q for parts in names for q in parts.quantizations)),
    )
    quantization = facts.quantization
    return KnownModel(
        everything,
        f"{_CLASS_SUFFIX.sub('', facts.architecture)} {facts.model_type}".casefold(),
        tuple(count for count in (facts.parameters.total, facts.parameters.active) if count),
        quantization.method.casefold() if quantization else "",
        int(quantization.bits) if quantization else _UNQUANTIZED_BITS,
        facts.parameter_size,
    )


def compare_names(model: KnownModel, runtime: str) -> NameAffinity:
    """What a runtime's name says of this model.

    It is made for another when it names another size, another version of a word that both have, a quantization that
    the weights do not have, or, being called after one model (with a size or a version), a word that this model's name
    lacks. A version without its end (`llama-3` for Llama 3.1) is of a generation, unless a size makes it one model.
    """
    own = read_name(runtime)
    conflict = _other_size(own, model) or _other_version(own, model) or _other_quantization(own, model)
    if conflict:
        return NameAffinity(conflict)
    theirs = model.name.words
    both = [word for word in own.words if word in theirs]
    families = [word for word in own.words if _names_family(word, model.stem)]
    foreign = [word for word in own.words if word not in theirs and word not in families]
    has_all = bool(theirs) and theirs.keys() <= own.words.keys()
    if has_all:  # the runtime says the model's whole name, and how it was tuned besides
        foreign = [word for word in foreign if word not in _TUNING]
    if not both and not families:
        foreign = [word for word in foreign if word not in _CLASSES]
    has_size = bool(own.sizes and (model.counts or model.name.sizes))
    is_versioned = any(own.words[word] and theirs[word] for word in both)
    is_after_model = has_size or bool(families) or is_versioned
    if foreign and model.is_exact and (own.sizes or (is_after_model and any(own.words.values()))):
        return NameAffinity(f"its name is for another model: {_listed(foreign, own)} not in this one's")
    versions = sum(len(own.words[word]) for word in both if theirs[word])  # 3.1 says more than 3
    shared = len({*both, *families}) + versions + has_size + len(own.quantizations)
    likeness = shared - sum(1 for word in own.words if word not in theirs and word not in families)
    return NameAffinity("", shared if (is_after_model or has_all) and not foreign else 0, likeness)


def _other_size(own: NameParts, model: KnownModel) -> str:
    if not own.sizes or not (model.counts or model.name.sizes) or _has_size(own.sizes, model):
        return ""
    named = " or ".join(size.text for size in own.sizes)
    return f"its name is for models of {named}, and this has {model.size_text or model.name.sizes[0].text}"


def _other_version(own: NameParts, model: KnownModel) -> str:
    for word, version in own.words.items():
        theirs = model.name.words.get(word)
        if theirs is None or not version or version == theirs:
            continue
        if theirs and (own.sizes or theirs[: len(version)] != version):
            return f"its name is for {_text(word, version)}, and this is {_text(word, theirs)}"
        if not theirs and own.sizes and model.is_exact and model.name.words.keys() - own.words.keys() - _TUNING:
            return f"its name is for {_text(word, version)}, and this one's has no version of it"
    return ""


def _other_quantization(own: NameParts, model: KnownModel) -> str:
    for word in own.quantizations:
        if not _is_quantization(word, model):
            return f"its name is for {word} weights, and this model's are {model.method or 'not quantized'}"
    return ""


@lru_cache(maxsize=4096)
def read_name(name: str) -> NameParts:
    """Take a name apart: `Qwen2.5-1.5B-Instruct` and `qwen2-5-1-5b-instruct` alike."""
    words: dict[str, Version] = {}
    sizes: list[Size] = []
    is_bound = False
    quantizations: list[str] = []
    last: str | None = None  # the word that a number belongs to
    number = ""  # the number just before
    for token in re.findall(r"[a-z0-9]+", _LLAMA_CPP.sub("enginellamacpp", name.casefold())):
        if token.isdigit():
            if last is not None and len(token) < 10:
                words[last] = (*words.get(last, ()), int(token))
            number = token
            continue
        size, numbered = _SIZE.fullmatch(token), _NUMBERED.fullmatch(token)
        if size:
            sizes.append(_read_size(size, number))
            last = None
        elif token in _BOUNDS:
            is_bound, last = True, None
        elif token in _METHODS or _BITS.fullmatch(token):
            quantizations.append(token)
            last = None
        elif _says_nothing(token, numbered):
            last = None
        elif numbered and len(token) < 32:
            last = numbered[1]
            words[last] = words.get(last) or (int(numbered[2]),)
        else:
            last = token
            if len(token) > 1:
                words.setdefault(token, ())
        number = ""
    return NameParts(words, () if is_bound else tuple(sizes), tuple(quantizations))


def _says_nothing(token: str, numbered: re.Match[str] | None) -> bool:
    """Whether a word is of serving or of hardware, also with a number behind it: `nvl72`, `node2`."""
    word = numbered[1] if numbered else token
    return word in _SAYS_NOTHING or _PARALLEL_OR_DEVICE.fullmatch(token) is not None


def _read_size(match: re.Match[str], number: str) -> Size:
    experts, count, unit = match.groups()
    readings = [float(count) * (float(experts) if experts else 1) * _UNITS[unit]]
    if number and not experts and len(number) < 4:
        readings.append(float(f"{number}.{count}") * _UNITS[unit])
    return Size(match[0], tuple(readings))


def _has_size(named: Sequence[Size], model: KnownModel) -> bool:
    """Whether one of a runtime's sizes is the model's: by its name, or by its parameters where its name has none."""
    readings = {reading for size in named for reading in size.readings}
    if model.name.sizes:
        return any(not readings.isdisjoint(size.readings) for size in model.name.sizes)
    return any(abs(reading - count) <= _SAME_SIZE * count for reading in readings for count in model.counts)


def _is_quantization(word: str, model: KnownModel) -> bool:
    """Whether weights are stored as a word says: in the name, as the method, or with as many bits."""
    bits = _BITS.fullmatch(word)
    is_same_width = bits is not None and int(bits[1] or bits[2]) == model.bits
    return word in model.name.quantizations or word in model.method or is_same_width


def _names_family(word: str, stem: str) -> bool:
    return len(word) > 2 and word in stem


def _listed(words: Sequence[str], own: NameParts) -> str:
    texts = [_text(word, own.words[word]) for word in words]
    return f"{', '.join(texts)} {'is' if len(texts) == 1 else 'are'}"


def _text(word: str, version: Version) -> str:
    """`llama 3.1`, and `r1` for what is only a letter."""
    number = ".".join(map(str, version))
    return f"{word}{number}" if len(word) == 1 else f"{word} {number}".strip()
