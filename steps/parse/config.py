"""A configuration read with distrust: typed access that never fails, and the language model's part found anywhere.

Values of the wrong type count as missing and leave a warning; text that is a whole number is taken as one.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from steps.parse.strict_json import Json

LARGEST: Final = 1 << 48
MAX_LAYERS: Final = 2_000
LARGEST_NUMBER: Final = 1e12
_NESTING: Final = 4

LAYERS: Final = ("num_hidden_layers", "n_layer", "n_layers", "num_layers", "num_decoder_layers", "decoder_layers")
HIDDEN: Final = ("hidden_size", "n_embd", "d_model", "dim", "model_dim", "hidden_dim")
TEXT_SECTIONS: Final = ("text_config", "llm_config", "language_config", "thinker_config", "decoder", "text_cfg")
VISION_SECTIONS: Final = ("vision_config", "visual", "vision_tower_config", "vit_config", "vision_model_config")
AUDIO_SECTIONS: Final = ("audio_config", "audio_encoder_config", "speech_config", "sound_config", "audio_cfg")
_NOT_TEXT: Final = (
    "vis",
    "vit",
    "audio",
    "image",
    "speech",
    "sound",
    "talker",
    "token2wav",
    "code2wav",
    "quant",
    "dit",
)


@dataclass(frozen=True)
class Config:
    """One level of a configuration.

    Attributes:
        values: The raw object.
        where: What messages call it, such as `config.json` or `config.json text_config`.
        warnings: Shared by all sections of one file; sentences.
    """

    values: Mapping[str, object]
    where: str = "config.json"
    warnings: list[str] = field(default_factory=list)

    def integer(self, *names: str, default: int = 0) -> int:
        """The first of `names` that holds a whole number from 0, else `default`."""
        for name in names:
            value = self._number(name)
            if value is not None:
                if value == int(value) and 0 <= value <= LARGEST:
                    return int(value)
                self._odd(name, "a whole number from 0")
        return default

    def number(self, *names: str, default: float = 0.0) -> float:
        """The first of `names` that holds a finite number, else `default`."""
        for name in names:
            value = self._number(name)
            if value is not None:
                if abs(value) <= LARGEST_NUMBER:
                    return value
                self._odd(name, "a number of usual size")
        return default

    def text(self, *names: str) -> str:
        """The first of `names` that holds text, else ""."""
        for name in names:
            value = self.values.get(name)
            if isinstance(value, str):
                return value[:500]
        return ""

    def flag(self, *names: str, default: bool = False) -> bool:
        """The first of `names` that holds true or false, else `default`."""
        for name in names:
            value = self.values.get(name)
            if isinstance(value, bool):
                return value
            if isinstance(value, str) and value.lower() in ("true", "false"):
                return value.lower() == "true"
        return default

    def items(self, name: str) -> tuple[object, ...]:
        """The list at `name`, or an empty one."""
        value = self.values.get(name)
        return tuple(value[: MAX_LAYERS * 2]) if isinstance(value, list) else ()

    def integers(self, name: str) -> tuple[int, ...]:
        """The whole numbers from 0 in the list at `name`; a list with anything else counts as missing."""
        found = self.items(name)
        whole = tuple(v for v in found if isinstance(v, int) and not isinstance(v, bool) and 0 <= v <= LARGEST)
        return whole if len(whole) == len(found) else ()

    def texts(self, name: str) -> tuple[str, ...]:
        """The texts in the list at `name`; other items are left out."""
        return tuple(v[:500] for v in self.items(name) if isinstance(v, str))

    def section(self, *names: str) -> "Config | None":
        """The first of `names` that holds an object, else None."""
        for name in names:
            value = self.values.get(name)
            if isinstance(value, dict):
                return Config(value, f"{self.where} {name}", self.warnings)
        return None

    def has(self, *names: str) -> bool:
        """Whether one of `names` is there and not null."""
        return any(self.values.get(name) is not None for name in names)

    def over(self, base: Mapping[str, object]) -> "Config":
        """This level with `base` behind it: what is missing or null here is taken from there."""
        present = {name: value for name, value in self.values.items() if value is not None}
        return Config({**base, **present}, self.where, self.warnings)

    def with_values(self, own: Mapping[str, object]) -> "Config":
        """This level with some values replaced."""
        return Config({**self.values, **own}, self.where, self.warnings)

    def _number(self, name: str) -> float | int | None:
        value = self.values.get(name)
        if value is None or isinstance(value, (bool, list, dict)):
            if isinstance(value, (bool, dict)):
                self._odd(name, "a number")
            return None
        if isinstance(value, str):
            try:
                value = int(value) if len(value) < 20 else math.nan
            except ValueError:
                return None
            self._odd(name, "a number, and is read as one")
        if isinstance(value, float) and not math.isfinite(value):
            return None
        return value if isinstance(value, (int, float)) else None

    def _odd(self, name: str, expected: str) -> None:
        warning = f"{self.where}: {name} is {str(self.values.get(name))[:60]!r}, expected {expected}."
        if warning not in self.warnings and len(self.warnings) < 50:
            self.warnings.append(warning)


def text_part(root: Config) -> Config:
    """The language model's part of a configuration: the root itself, or the nested section that describes layers.

    Sections are searched by breadth, known names first, so that unknown wrappers are found too. The root stays behind
    a section for what only the root says.
    """
    found = next(_language_sections(root), None)
    if found is None or (found.where == root.where):
        return root
    kept = {k: v for k, v in root.values.items() if not isinstance(v, dict) or k in _INHERITED}
    for own in ("architectures", "model_type", "auto_map", "head_dim"):
        kept.pop(own, None)
    return found.over(kept)


_INHERITED: Final = ("quantization_config", "rope_scaling", "rope_parameters", "compression_config")


def _language_sections(root: Config) -> Iterator[Config]:
    level: list[Config] = [root]
    for _ in range(_NESTING):
        below: list[Config] = []
        for config in level:
            names = [n for n in TEXT_SECTIONS if n in config.values]
            names += [
                n for n in config.values if n not in TEXT_SECTIONS and not any(w in n.lower() for w in _NOT_TEXT)
            ]
            sections = [s for n in names[:200] if (s := config.section(n)) is not None]
            known = [s for s in sections if s.where.rsplit(" ", 1)[-1] in TEXT_SECTIONS and _names_model(s)]
            yield from known
            below += sections
        yield from (config for config in level if _describes_layers(config))
        level = below[:200]


def _describes_layers(config: Config) -> bool:
    return config.has(*LAYERS) and config.has(*HIDDEN)


def _names_model(config: Config) -> bool:
    return _describes_layers(config) or (config.has("model_type") and not _holds_section(config))


def _holds_section(config: Config) -> bool:
    return any(isinstance(config.values.get(name), dict) for name in TEXT_SECTIONS)


def vision_part(root: Config) -> Config | None:
    """The vision tower's section, or None."""
    return _tower(root, VISION_SECTIONS)


def audio_part(root: Config) -> Config | None:
    """The audio tower's section, or None."""
    return _tower(root, AUDIO_SECTIONS)


def _tower(root: Config, names: tuple[str, ...]) -> Config | None:
    found = root.section(*names)
    if found is None and (inner := root.section("thinker_config", "llm_config", "text_config")) is not None:
        found = inner.section(*names)
    return found if found is not None and found.values else None


def configuration(values: Json, where: str) -> Config:
    """The root of a file."""
    return Config(values, where)
