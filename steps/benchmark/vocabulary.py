"""A tokenizer from a GGUF file's own vocabulary, merges and token types, equal to llama.cpp's.

Pure but for building the `tokenizers` object; called by `steps.benchmark.tokenizer`. Two families are built:
byte-level BPE (`gpt2`) with the pre-tokenizers named below, and SentencePiece BPE (`llama`). The names are those that
llama.cpp writes to `tokenizer.ggml.pre`; the patterns are those published in the models' own tokenizer.json files.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from steps.errors import InvalidInputError, UnsupportedError

if TYPE_CHECKING:
    from tokenizers import AddedToken, Tokenizer
    from tokenizers.pre_tokenizers import PreTokenizer

_GPT2: Final = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_CONTRACTIONS: Final = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_REST: Final = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_LLAMA3: Final = rf"{_CONTRACTIONS}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{{1,3}}|{_REST}"
_QWEN2: Final = rf"{_CONTRACTIONS}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}|{_REST}"

PATTERNS: Final[Mapping[tuple[str, ...], tuple[str, ...]]] = {
    ("default", ""): (r"[\p{P}\$\+<=>\^~\|]+", _GPT2, r"\p{N}+", r"[0-9][0-9][0-9]"),
    ("gpt-2", "phi-2", "mpt", "olmo", "jais", "roberta-bpe", "modern-bert"): (_GPT2,),
    ("smollm", "starcoder", "refact", "command-r", "codeshell", "exaone"): (r"\p{N}", _GPT2),
    ("llama-bpe", "llama3", "llama-v3", "dbrx", "smaug-bpe", "pixtral", "falcon3", "lfm2"): (_LLAMA3,),
    ("qwen2", "deepseek-r1-qwen", "stablelm2", "megrez"): (_QWEN2,),
}
"""Pre-tokenizers: each pattern splits what the one before left."""

_WHOLE_WORD_MODELS: Final = frozenset({"llama-bpe", "llama3", "llama-v3", "pixtral", "falcon3", "lfm2"})
_NORMAL, _UNKNOWN, _CONTROL, _USER_DEFINED, _BYTE = 1, 2, 3, 4, 6
_END_KEYS: Final = ("eos_token_id", "eot_token_id", "eom_token_id")
_END_TEXTS: Final = frozenset(
    {"<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|eom_id|>", "<|end_of_text|>", "<|end|>", "<end_of_turn>"}
    | {"</s>", "<eos>", "<|return|>", "<|call|>", "<|END_OF_TURN_TOKEN|>", "<｜end▁of▁sentence｜>"}
)
_SPACE: Final = "\u2581"
_REMEDY: Final = "Put the model's tokenizer.json beside its weights; it is then used instead."


def build_tokenizer(metadata: Mapping[str, object]) -> "Tokenizer":
    """The tokenizer that a GGUF's metadata describes.

    Args:
        metadata: Of `steps.parse.gguf.read_gguf_metadata`.

    Raises:
        UnsupportedError: for vocabularies and pre-tokenizers that are not built here.
        InvalidInputError: when the metadata contradicts itself.
    """
    model = metadata.get("tokenizer.ggml.model")
    tokens = _texts(metadata, "tokenizer.ggml.tokens")
    if not tokens:
        raise UnsupportedError("tokenizer: the GGUF file has no vocabulary", remedy=_REMEDY)
    types = _numbers(metadata, "tokenizer.ggml.token_type") or (_NORMAL,) * len(tokens)
    if len(types) != len(tokens):
        raise InvalidInputError(f"tokenizer: {len(tokens)} tokens but {len(types)} token types in the GGUF file")
    if model == "gpt2":
        tokenizer = _byte_level(metadata, tokens)
    elif model == "llama":
        tokenizer = _sentence_piece(metadata, tokens, types)
    else:
        raise UnsupportedError(f'tokenizer: GGUF vocabularies of type "{model}" are not supported', remedy=_REMEDY)
    tokenizer.add_tokens(_added(tokens, types))
    _add_begin_token(tokenizer, metadata, tokens, is_default=model == "llama")
    return tokenizer


def special_tokens(metadata: Mapping[str, object]) -> dict[str, str]:
    """The special tokens' texts as tokenizer_config.json names them: bos, eos, unk, pad where there are such."""
    tokens = _texts(metadata, "tokenizer.ggml.tokens")
    keys = {"bos": "bos_token_id", "eos": "eos_token_id", "unk": "unknown_token_id", "pad": "padding_token_id"}
    ids = {name: metadata.get(f"tokenizer.ggml.{key}") for name, key in keys.items()}
    return {f"{name}_token": tokens[n] for name, n in ids.items() if isinstance(n, int) and 0 <= n < len(tokens)}


def end_tokens(metadata: Mapping[str, object]) -> tuple[int, ...]:
    """Ids of every token that ends an answer: the declared ones and control tokens of well-known text."""
    tokens = _texts(metadata, "tokenizer.ggml.tokens")
    types = _numbers(metadata, "tokenizer.ggml.token_type")
    declared = {metadata.get(f"tokenizer.ggml.{key}") for key in _END_KEYS}
    known = {
        n for n, (text, kind) in enumerate(zip(tokens, types, strict=False)) if kind != _NORMAL and text in _END_TEXTS
    }
    return tuple(sorted({n for n in declared if isinstance(n, int) and not isinstance(n, bool)} | known))


def _byte_level(metadata: Mapping[str, object], tokens: Sequence[str]) -> "Tokenizer":
    from tokenizers import Tokenizer, decoders
    from tokenizers.models import BPE

    name = str(metadata.get("tokenizer.ggml.pre", ""))
    vocabulary = {token: number for number, token in enumerate(tokens)}
    merges = []
    for text in _texts(metadata, "tokenizer.ggml.merges"):
        # The first character can itself be a space in vocabularies that are not byte-level throughout.
        space = text.find(" ", 1)
        left, right = text[:space], text[space + 1 :]
        if space > 0 and left in vocabulary and right in vocabulary and left + right in vocabulary:
            merges.append((left, right))
    tokenizer = Tokenizer(BPE(vocabulary, merges, ignore_merges=name in _WHOLE_WORD_MODELS))
    tokenizer.pre_tokenizer = _pre_tokenizer(name)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _pre_tokenizer(name: str) -> "PreTokenizer":
    from tokenizers import Regex, pre_tokenizers

    patterns = next((found for names, found in PATTERNS.items() if name in names), None)
    if patterns is None:
        raise UnsupportedError(f'tokenizer: the pre-tokenizer "{name}" is not supported', remedy=_REMEDY)
    splits = [pre_tokenizers.Split(Regex(pattern), "isolated") for pattern in patterns]
    return pre_tokenizers.Sequence([*splits, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def _sentence_piece(metadata: Mapping[str, object], tokens: Sequence[str], types: Sequence[float]) -> "Tokenizer":
    from tokenizers import Tokenizer, decoders, normalizers
    from tokenizers.models import BPE

    scores = _numbers(metadata, "tokenizer.ggml.scores")
    if len(scores) != len(tokens):
        raise InvalidInputError(f"tokenizer: {len(tokens)} tokens but {len(scores)} scores in the GGUF file")
    vocabulary = {token: number for number, token in enumerate(tokens)}
    unknown = next((text for text, kind in zip(tokens, types, strict=True) if kind == _UNKNOWN), None)
    merges = _merges_of_scores(tokens, types, scores)
    tokenizer = Tokenizer(
        BPE(vocabulary, merges, unk_token=unknown, fuse_unk=True, byte_fallback=any(kind == _BYTE for kind in types))
    )
    steps: list[normalizers.Normalizer] = [normalizers.Replace(" ", _SPACE)]
    unspace: list[decoders.Decoder] = [decoders.Replace(_SPACE, " "), decoders.ByteFallback(), decoders.Fuse()]
    if metadata.get("tokenizer.ggml.add_space_prefix", True):
        steps.insert(0, normalizers.Prepend(_SPACE))
        unspace.append(decoders.Strip(" ", 1, 0))
    tokenizer.normalizer = normalizers.Sequence(steps)
    tokenizer.decoder = decoders.Sequence(unspace)
    return tokenizer


def _merges_of_scores(tokens: Sequence[str], types: Sequence[float], scores: Sequence[float]) -> list[tuple[str, str]]:
    """Merge rules that make SentencePiece's choice, which joins the pair whose result has the highest score."""
    mergeable = {t: s for t, k, s in zip(tokens, types, scores, strict=True) if k in (_NORMAL, _USER_DEFINED)}
    by_score = sorted(mergeable, key=lambda token: -mergeable[token])
    return [
        (token[:cut], token[cut:])
        for token in by_score
        for cut in range(1, len(token))
        if token[:cut] in mergeable and token[cut:] in mergeable
    ]


def _added(tokens: Sequence[str], types: Sequence[float]) -> "list[AddedToken]":
    from tokenizers import AddedToken

    kinds = (_UNKNOWN, _CONTROL, _USER_DEFINED)
    return [
        AddedToken(text, special=kind != _USER_DEFINED, normalized=False)
        for text, kind in zip(tokens, types, strict=True)
        if kind in kinds and text
    ]


def _add_begin_token(
    tokenizer: "Tokenizer", metadata: Mapping[str, object], tokens: Sequence[str], *, is_default: bool
) -> None:
    from tokenizers.processors import TemplateProcessing

    number = metadata.get("tokenizer.ggml.bos_token_id", 1 if is_default else None)
    wanted = metadata.get("tokenizer.ggml.add_bos_token", is_default)
    if wanted and isinstance(number, int) and 0 <= number < len(tokens):
        text = tokens[number]
        tokenizer.post_processor = TemplateProcessing(
            single=[text, "$A"], pair=[text, "$A", text, "$B:1"], special_tokens=[(text, number)]
        )


def _texts(metadata: Mapping[str, object], key: str) -> tuple[str, ...]:
    values = metadata.get(key, ())
    if not isinstance(values, tuple) or not all(isinstance(v, str) for v in values):
        raise InvalidInputError(f"tokenizer: {key} in the GGUF file is not a list of texts")
    return values


def _numbers(metadata: Mapping[str, object], key: str) -> tuple[float, ...]:
    values = metadata.get(key, ())
    if not isinstance(values, tuple) or not all(isinstance(v, (int, float)) for v in values):
        raise InvalidInputError(f"tokenizer: {key} in the GGUF file is not a list of numbers")
    return values
