"""Which files hold a model's weights and configuration, told from the manifest alone.

What a repository holds twice counts once: other precisions, other formats, engines for other machines, consolidated
copies. What was left out for that is in `others`.
"""

import json
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from steps.errors import InvalidInputError, NotFoundError
from steps.facts import ModelFormat
from steps.manifest import Manifest

_SHARD: Final = re.compile(r"^(.*?)[-_.](\d{1,6})-of-(\d{1,6})((?:\.[\w-]+)*)$")
_CONFIG_FOLDERS: Final = ("", "safetensors/", "pytorch_model/", "model/")
_VARIANT: Final = re.compile(r"\.(?:fp16|bf16|fp32|fp8|non_ema|ema)(?=[.-])")
_TENSORRT: Final = re.compile(r"(?:^|/)rank(\d+)\.(engine|safetensors)$")
_ONNX_ORDER: Final = ("model.onnx", "encoder_model.onnx", "decoder_model_merged.onnx", "decoder_model.onnx")
_ONNX_DATA: Final = re.compile(r"(?:\.onnx)?[._]data(?:_\d+)?")
MOST_NAMED_BYTES: Final = 32 << 10
"""Of names of weight files in facts. These are handed on as a parameter, for which Argo allows 256 KiB, and reach a
step by a variable of its pod, which holds 128 KiB, twice and escaped."""
_PYTORCH: Final = (".bin", ".pt", ".pth", ".ckpt")
_NOT_WEIGHTS: Final = re.compile(r"(training_args|optimizer|scheduler|rng_state|random_states)[^/]*$")


@dataclass(frozen=True)
class Layout:
    """Where what is.

    Attributes:
        format: How the weights are stored.
        weights: Their files, in order; a GGUF's first part comes first.
        folder: Of the configuration: "" or with a slash at its end.
        others: Alternatives that were not chosen, such as further GGUF quantizations.
    """

    format: ModelFormat
    weights: tuple[str, ...]
    folder: str = ""
    others: tuple[str, ...] = ()

    @property
    def named(self) -> tuple[str, ...]:
        """The first of the weight files, as many as facts may name."""
        ends = accumulate(len(json.dumps(path)) + 1 for path in self.weights)
        return tuple(path for path, end in zip(self.weights, ends, strict=True) if end <= MOST_NAMED_BYTES)


def find_layout(manifest: Manifest) -> Layout:
    """The layout of a model's files.

    Raises:
        InvalidInputError: when nothing in the manifest is a model.
        NotFoundError: when shards of a series are missing; names the first.
    """
    paths = [file.path for file in manifest.files if file.size > 0 or not file.path.endswith(".safetensors")]
    folder = config_folder(paths)
    if "model_index.json" in paths:
        return Layout("diffusers", tuple(p for p in paths if p.endswith((".safetensors", *_PYTORCH))), "")
    if engines := [p for p in paths if _TENSORRT.search(p)]:
        return _engines(engines)
    if tensors := _in_best_folder([p for p in paths if p.endswith(".safetensors")], folder):
        return Layout("safetensors", _one_series(tensors), folder)
    if ggufs := [p for p in paths if p.lower().endswith(".gguf")]:
        return _gguf(ggufs, folder)
    if any(p.endswith(".onnx") for p in paths):
        return _onnx(paths, folder)
    pickles = [p for p in paths if p.endswith(_PYTORCH) and not _NOT_WEIGHTS.search(p)]
    if pickles := _in_best_folder(pickles, folder):
        return Layout("pytorch", _one_series(pickles), folder)
    if f"{folder}config.json" in paths:
        return Layout("safetensors", (), folder)
    raise InvalidInputError(
        f"{manifest.uri}: has no model: {len(paths)} files, but no weights and no config.json",
        remedy="Check the URI and the patterns that choose files.",
    )


def config_folder(paths: Sequence[str]) -> str:
    """The folder of the configuration: OME's places first, then the shallowest that has a config.json."""
    there = set(paths)
    for folder in _CONFIG_FOLDERS:
        if f"{folder}config.json" in there:
            return folder
    found = sorted((p for p in paths if p.endswith("/config.json")), key=lambda p: (p.count("/"), p))
    weights_at_root = any("/" not in p and p.endswith((".safetensors", ".gguf", ".bin")) for p in paths)
    return found[0].removesuffix("config.json") if found and not weights_at_root else ""


def _in_best_folder(paths: list[str], folder: str) -> list[str]:
    """The files of the configuration's folder, else of the root, else of the folder that has most."""
    by_folder: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        by_folder[path.rpartition("/")[0] + "/" if "/" in path else ""].append(path)
    for preferred in (folder, ""):
        if by_folder.get(preferred):
            return sorted(by_folder[preferred])
    best = max(by_folder, key=lambda name: (len(by_folder[name]), name), default="")
    return sorted(by_folder.get(best, []))


def _one_series(paths: list[str]) -> tuple[str, ...]:
    """The shards of one model among files that may hold the same weights twice (`consolidated.safetensors`)."""
    series = _series(_without_variants(paths))
    if len(series) == 1:
        return tuple(next(iter(series.values())))
    names = [n for n in series if "consolidated" not in n] or list(series)
    main = [n for n in names if n.rpartition("/")[2].startswith(("model", "pytorch_model", "adapter_model"))] or names
    if len(main) < len(names):
        sharded = [n for n in main if len(series[n]) > 1]
        main = sharded or main
    if len(main) > 1 and any(len(series[n]) > 1 for n in main):
        main = [max(main, key=lambda n: len(series[n]))]
    plain = [n for n in main if n.rpartition("/")[2] in ("model.safetensors", "adapter_model.safetensors")]
    return tuple(path for name in (plain or main) for path in series[name])


def _series(paths: list[str]) -> dict[str, list[str]]:
    """Files by series, complete ones only.

    Raises:
        NotFoundError: names a shard that is missing.
    """
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(paths):
        match = _SHARD.match(path)
        found[f"{match[1]}-{match[3]}{match[4]}" if match else path].append(path)
    for members in found.values():
        match = _SHARD.match(members[0])
        if match is None:
            continue
        numbers = {int(m[2]) for p in members if (m := _SHARD.match(p))}
        first = 0 if 0 in numbers else 1
        missing = next((n for n in range(first, first + min(int(match[3]), 100_000)) if n not in numbers), None)
        if missing is not None:
            name = f"{match[1]}-{missing:0{len(match[2])}d}-of-{match[3]}{match[4]}"
            raise NotFoundError(
                f"{name}: is missing; the model has {len(members)} of {int(match[3])} shards",
                remedy="Import the model with all of its shards: check allowPatterns and the source.",
            )
    return found


def component_files(paths: Sequence[str], folder: str) -> tuple[str, ...]:
    """The weight files of a component of a diffusion pipeline, in the folder `folder/` below the pipeline's."""
    inside = [p for p in paths if p.startswith(folder) and "/" not in p[len(folder) :]]
    for suffixes in ((".safetensors",), _PYTORCH):
        if found := [p for p in inside if p.endswith(suffixes) and not _NOT_WEIGHTS.search(p)]:
            return _one_series(found)
    return ()


def _without_variants(paths: list[str]) -> list[str]:
    """Files without copies in another precision (`model.fp16.safetensors`) of what is there in full."""

    def series(path: str) -> str:
        match = _SHARD.match(path)
        return f"{match[1]}{match[4]}" if match else path

    plain = {series(path) for path in paths if not _VARIANT.search(path.rpartition("/")[2])}
    return [p for p in paths if series(p) in plain or _VARIANT.sub("", series(p)) not in plain]


def _engines(paths: list[str]) -> Layout:
    """The engines of one folder: others are for other shapes of machines.

    Raises:
        NotFoundError: names a rank that is missing between others.
    """
    folders = sorted({path.rpartition("/")[0] for path in paths})
    folder = f"{folders[0]}/" if folders[0] else ""
    chosen = [p for p in paths if p.rpartition("/")[0] == folders[0]]
    numbers = {int(m[1]): m[2] for p in chosen if (m := _TENSORRT.search(p))}
    for number in range(min(max(numbers), 100_000)):
        if number not in numbers:
            raise NotFoundError(
                f"{folder}rank{number}.{numbers[max(numbers)]}: is missing; the model has {len(numbers)} other ranks",
                remedy="Import the model with the engines of all ranks: check allowPatterns and the source.",
            )
    ranks = sorted(chosen, key=lambda path: (len(path), path))  # 10 comes after 9
    return Layout("tensorrt-llm", tuple(ranks), folder, tuple(sorted(set(paths) - set(chosen))))


def _onnx(paths: list[str], folder: str) -> Layout:
    """One graph, or an encoder with one decoder, with the files beside them that hold their weights."""
    graphs = _in_best_folder([p for p in paths if p.endswith(".onnx")], folder)
    by_name = {path.rpartition("/")[2]: path for path in graphs}
    known = [by_name[name] for name in _ONNX_ORDER if name in by_name]
    chosen = known[:1]
    if known and known[0].endswith("encoder_model.onnx"):
        chosen = known[:2]
    chosen = chosen or graphs[:1]
    stems = tuple(path.removesuffix(".onnx") for path in chosen)
    data = [
        p
        for p in paths
        if any(p.startswith(s) and _ONNX_DATA.fullmatch(p[len(s) :].removeprefix(".onnx")) for s in stems)
    ]
    others = [path for path in paths if path.endswith(".onnx") and path not in chosen]
    return Layout("onnx", (*chosen, *data), folder, tuple(others))


def _gguf(paths: list[str], folder: str) -> Layout:
    models = [p for p in paths if "mmproj" not in p.rpartition("/")[2].lower()] or paths
    series = _series(models)
    first = sorted(series)[0]
    others = [p for name in series if name != first for p in series[name]]
    return Layout("gguf", tuple(series[first]), folder, tuple(sorted({*others, *paths} - set(series[first]))))
