"""Builds each class from many varied small configurations and writes down every tensor, for `mine.py` to explain.

`python -m tests.parsing.transformers_table.samples OUT [--scope served] [--only CLASS ...]`, in the environment that
`build.py` names. First one value at a time is changed, to learn what a class can be built with; then many at once.
An inner model that is built from a section of its own is noted by its class, and sampled as a class of its own.
"""

import argparse
import contextlib
import gzip
import importlib
import pickle
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import PreTrainedConfig
from transformers.models.auto import modeling_auto
from transformers.models.auto.configuration_auto import CONFIG_MAPPING, model_type_to_module_name

from tests.parsing.transformers_table.build import ERRORS, classes_of
from tests.parsing.transformers_table.builder import Json, kind_of, plain, taken_apart
from tests.parsing.transformers_table.sampler import Sampler
from tests.parsing.transformers_table.skipped import SKIPPED


def config_of(cls: Any, default: Any) -> Json:  # noqa: ANN401
    """One configuration class."""
    fields: Json = {}
    for name, field in cls.__dataclass_fields__.items():
        if isinstance(field.default, (int, float, str, bool, list, tuple, type(None))) and not SKIPPED.search(name):
            fields[name] = plain(field.default)
    popped = taken_apart(cls)
    inside = {name: value for name, value in vars(default).items() if isinstance(value, PreTrainedConfig)}
    specs = getattr(cls, "sub_configs_defaults", {})
    return {
        "fields": popped | fields, "popped": sorted(popped),
        "aliases": dict(cls.attribute_map), "default": plain(default.to_dict()),
        "sections": {name: kind_of(type(value)) for name, value in inside.items()},
        "given": {name: plain(spec.init_kwargs) for name, spec in specs.items()},
    }  # fmt: skip


def names_of(mapping: str) -> dict[str, str]:
    """A mapping of `transformers.models.auto`, the first class of each type."""
    found = getattr(modeling_auto, mapping)
    return {kind: cls if isinstance(cls, str) else cls[0] for kind, cls in found.items()}


def jobs(scope: str, only: list[str] | None) -> Iterator[tuple[Any, Any, str]]:
    """Classes with their configuration's class and model type."""
    for kind, (of, names) in classes_of().items():
        if of != scope:
            continue
        names = [name for name in names if only is None or name in only]
        if not names:
            continue
        try:
            config_class = CONFIG_MAPPING[kind]
            module = importlib.import_module(f"transformers.models.{model_type_to_module_name(kind)}")
            for name in names:
                yield getattr(transformers, name, None) or getattr(module, name), config_class, kind
        except ERRORS:
            continue


def _inner_jobs(wanted: dict[str, str]) -> Iterator[tuple[Any, Any, str]]:
    for named, kind in wanted.items():
        try:
            config_class = CONFIG_MAPPING[kind]
            module = sys.modules[config_class.__module__].__name__.replace(".configuration_", ".modeling_")
            yield getattr(importlib.import_module(module), named), config_class, kind
        except (*ERRORS, KeyError):
            print(f"{named} of {kind}: not found", flush=True)


def main() -> None:
    """Sample all classes of a scope, inner ones after those that hold them."""
    asked = argparse.ArgumentParser()
    asked.add_argument("out", type=Path)
    asked.add_argument("--scope", default="served")
    asked.add_argument("--only", nargs="*")
    asked.add_argument("--known", nargs="*", type=Path, default=[], help="earlier outputs, whose classes are left out")
    asked.add_argument("--patience", type=int, default=1, help="how many times as long and as many builds as usual")
    given = asked.parse_args()
    warnings.simplefilter("ignore")
    transformers.logging.set_verbosity_error()
    torch.set_num_threads(1)
    done: set[str] = set()
    inner: dict[str, str] = {}
    for path in given.known:
        with contextlib.suppress(EOFError), gzip.open(path) as file:
            while True:
                one = pickle.load(file)  # noqa: S301
                done.add(one["class"])
                for sample in one.get("samples", ()):
                    inner |= {named: kind for named, _, kind in sample["inner"].values()}
    only = given.only
    if only and only[0].startswith("@"):
        only = Path(only[0][1:]).read_text().split()
    waiting = list(jobs(given.scope, only))
    first = len(waiting)
    waiting += list(_inner_jobs({named: kind for named, kind in inner.items() if named not in done}))
    with gzip.open(given.out, "wb") as file:
        pickle.dump({"class": "", "bases": names_of("MODEL_MAPPING_NAMES"),
                     "generators": names_of("MODEL_FOR_CAUSAL_LM_MAPPING_NAMES")}, file)  # fmt: skip
        for number, (cls, config_class, kind) in enumerate(waiting):  # grows while it is walked
            if cls.__name__ in done:
                continue
            done.add(cls.__name__)
            started = time.process_time()
            try:
                sampler = Sampler(cls, config_class, kind, given.patience)
                found = sampler.run()
            except ERRORS as error:
                print(f"{cls.__name__}: {type(error).__name__} {str(error)[:200]}", flush=True)
                continue
            waiting += [(inner, config, kind_of(config)) for inner, config in sampler.builder.inner.values()]
            if found is None:
                print(f"{cls.__name__}: cannot be built", flush=True)
                continue
            with contextlib.suppress(*ERRORS):
                found["scope"] = given.scope if number < first else "inner"
                found["own"] = config_of(config_class, config_class())
            pickle.dump(found, file)
            file.flush()
            print(f"{number}/{len(waiting)} {cls.__name__}: {len(found['samples'])} samples, "
                  f"{len(found['relevant'])} of {len(found['varied'])} matter, "
                  f"{time.process_time() - started:.1f} s", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
