"""Builds every architecture of transformers on the meta device and writes down what it holds.

Run in an environment of its own, for torch and transformers are no dependencies of this project:

    pip install torch torchvision transformers pillow timm        # somewhere else
    PYTHONPATH=. python -m tests.parsing.transformers_table.build --out table.jsonl

A line is one configuration: as `save_pretrained` would write it, less what no tensor depends on, with the parameters
of every class that is built from it. Tied tensors count once, buffers do not count.
"""

import argparse
import collections
import importlib
import json
import multiprocessing
import re
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, Final, TypeVar

import torch
import transformers
from huggingface_hub.errors import StrictDataclassError
from transformers.models.auto import modeling_auto
from transformers.models.auto.configuration_auto import CONFIG_MAPPING, model_type_to_module_name

from tests.parsing.transformers_table.variants import Json, reduced, variants

_SERVED: Final = (
    "CAUSAL_LM", "IMAGE_TEXT_TO_TEXT", "MULTIMODAL_LM", "SEQ_TO_SEQ_CAUSAL_LM", "MASKED_LM",
    "SEQUENCE_CLASSIFICATION", "SPEECH_SEQ_2_SEQ", "CTC", "RNNT", "TDT", "RETRIEVAL", "TEXT_ENCODING",
    "ZERO_SHOT_IMAGE_CLASSIFICATION", "TEXT_TO_WAVEFORM", "TEXT_TO_SPECTROGRAM",
)  # fmt: skip
"""Mappings of what engines on a cluster answer with: text, embeddings, scores, transcripts, speech."""
_OTHER: Final = ("", "IMAGE", "AUDIO_CLASSIFICATION", "OBJECT_DETECTION")
"""Mappings of the rest, which only has a base class: vision backbones, detectors, codecs, time series."""
_SECONDS: Final = 90
_LEFT_OUT: Final = ("task_specific_params", "quantization_config", "generation_config", "architectures")
ERRORS: Final = (
    ArithmeticError, AssertionError, AttributeError, ImportError, LookupError, NameError, OSError, RuntimeError,
    StopIteration, StrictDataclassError, TypeError, ValueError,
)  # fmt: skip
"""What classes raise on configurations that they cannot be built from."""
Made = TypeVar("Made")


def built(cls: Any, config: Any) -> Any:  # noqa: ANN401
    """The class on the meta device, without the work of initializing."""
    with torch.device("meta"), transformers.initialization.no_init_weights():
        model = cls._from_config(config) if hasattr(cls, "_from_config") else cls(config)
    if hasattr(model, "tie_weights"):
        model.tie_weights()  # what the skipped initialization would have done
    return model


def counted(cls: Any, config: Any) -> int:  # noqa: ANN401
    """Parameters, tied ones once."""
    return sum(p.numel() for p in _in_time(lambda: built(cls, config)).parameters())


def _in_time(make: Callable[[], Made]) -> Made:
    def stop(_: int, __: FrameType | None) -> None:
        raise TimeoutError(f"more than {_SECONDS} s")

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(_SECONDS)
    try:
        return make()
    finally:
        signal.alarm(0)


def written(config: Any) -> Json:  # noqa: ANN401
    """What config.json would hold, less what no tensor depends on."""
    return reduced(_plain(config.to_diff_dict()))


def _plain(values: Json) -> Json:
    plain: Json = json.loads(json.dumps(values, default=str))
    return {name: value for name, value in plain.items() if name not in _LEFT_OUT}


def classes_of() -> dict[str, tuple[str, list[str]]]:
    """Each model type's scope and classes."""
    found: dict[str, tuple[str, list[str]]] = {}
    for scope, names in (("served", _SERVED), ("other", _OTHER)):
        for name in names:
            mapping = f"MODEL_FOR_{name}_MAPPING_NAMES" if name else "MODEL_MAPPING_NAMES"
            for kind, cls in getattr(modeling_auto, mapping, {}).items():
                classes = found.setdefault(kind, (scope, []))[1]
                classes += [one for one in (cls if isinstance(cls, (tuple, list)) else (cls,)) if one not in classes]
    return found


def lines_of(job: tuple[str, str, list[str], bool]) -> list[Json]:
    """All lines of one model type, the last one saying what could not be built and why."""
    kind, scope, names, varies = job
    warnings.simplefilter("ignore")
    transformers.logging.set_verbosity_error()
    why: Json = {}
    try:
        config = CONFIG_MAPPING[kind]()
        module = importlib.import_module(f"transformers.models.{model_type_to_module_name(kind)}")
        classes = {name: getattr(transformers, name, None) or getattr(module, name) for name in names}
    except ERRORS as error:
        return [{"type": kind, "scope": scope, "skipped": _said(error)}]
    lines = []
    first = classes[names[0]]
    for variant, one in _configs(first, config, varies=varies):
        counts = {}
        for name, cls in classes.items():
            if cls is first or variant == "sizes":
                try:
                    counts[name] = counted(cls, one)
                except ERRORS as error:
                    why.setdefault(name, f"{variant}: {_said(error)}")
        if counts:
            line = {"type": kind, "scope": scope, "variant": variant, "config": written(one), "counts": counts}
            lines.append(line)
    return [*lines, {"type": kind, "scope": scope, "skipped": why}] if why else lines


def _configs(cls: Any, config: Any, *, varies: bool) -> Iterator[tuple[str, Any]]:  # noqa: ANN401
    yield "default", config
    if not varies:
        return

    def count(values: Json) -> int | None:
        try:
            return counted(cls, type(config).from_dict(json.loads(json.dumps(values))))
        except ERRORS:
            return None

    for name, values in variants(_plain(config.to_dict()), count):
        yield name, type(config).from_dict(values)


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error)[:160]}"


def folded(kind: str) -> str:
    """The tensors of a type's first class as text, layers and experts folded together."""
    names: collections.Counter[tuple[str, tuple[int, ...]]] = collections.Counter()
    model = built(getattr(transformers, classes_of()[kind][1][0]), CONFIG_MAPPING[kind]())
    for tensor, parameter in model.named_parameters():
        names[re.sub(r"\.\d+(?=\.)", ".*", tensor), tuple(parameter.shape)] += 1
    return "\n".join(f"{times:4} {tensor} {list(shape)}" for (tensor, shape), times in names.items())


def main() -> None:
    """Write the table, or show one type's tensors."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--out", type=Path, default=Path("table.jsonl"))
    asked.add_argument("--show", help="a model type: print the tensors of its first class and stop")
    asked.add_argument("--only", nargs="*", help="model types")
    asked.add_argument("--processes", type=int, default=2)
    asked.add_argument("--defaults-only", action="store_true", help="no varied configurations")
    given = asked.parse_args()
    torch.set_num_threads(1)
    if given.show:
        print(folded(given.show))
        return
    jobs = [
        (kind, scope, names, not given.defaults_only)
        for kind, (scope, names) in classes_of().items()
        if not given.only or kind in given.only
    ]
    with given.out.open("w") as out, multiprocessing.Pool(given.processes, maxtasksperchild=20) as pool:
        for number, lines in enumerate(pool.imap_unordered(lines_of, jobs), 1):
            for line in lines:
                out.write(json.dumps(line, separators=(",", ":")) + "\n")
            out.flush()
            print(f"{number}/{len(jobs)}", file=sys.stderr)


if __name__ == "__main__":
    main()
