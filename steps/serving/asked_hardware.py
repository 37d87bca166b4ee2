"""What an InferenceService asks of the hardware that it runs on: a class by name, constraints, a policy, tolerations.

Pure. The controller and the command line hand it to select-runtime; `deploy`, on a cluster and on one machine, holds
the choice to it. One runtime and one class are chosen for a service, so its decoder runs on what its engine runs on.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from crds.metadata import ACCELERATOR_CLASS
from steps.choice import Choice
from steps.errors import InvalidInputError, UnsupportedError
from steps.serving.fields import mapping_at, mappings_at, text_at

_ENGINE: Final = "spec.engine.acceleratorOverride"
_DECODER: Final = "spec.decoder.acceleratorOverride"
_SERVICE: Final = "spec.acceleratorSelector"
_ANNOTATION: Final = f'metadata.annotations["{ACCELERATOR_CLASS}"]'
_ORDER: Final = (_ENGINE, _SERVICE, _ANNOTATION, _DECODER)
_ORDER_OF_DECODER: Final = (_DECODER, _SERVICE)


@dataclass(frozen=True)
class AskedHardware:
    """What a service asks for.

    Attributes:
        accelerator: Name of an AcceleratorClass; "" to choose one.
        constraints: What the class must have, as the service writes them; all count.
        policy: How to choose among classes; "" when it does not say.
        tolerations: Of its engine's pods; None when it gives none and the runtime's count.
    """

    accelerator: str = ""
    constraints: tuple[Mapping[str, Any], ...] = ()
    policy: str = ""
    tolerations: tuple[Mapping[str, Any], ...] | None = None

    def arguments(self) -> dict[str, str]:
        """As inputs of select-runtime; only those that differ from its defaults."""
        made = {"accelerator": self.accelerator} if self.accelerator else {}
        made |= {"constraints": _json(self.constraints)} if self.constraints else {}
        made |= {"policy": self.policy} if self.policy else {}
        return made | ({"tolerations": _json(self.tolerations)} if self.tolerations is not None else {})


def asked_hardware(service: Mapping[str, Any]) -> AskedHardware:
    """What a service asks for.

    Constraints of the service and of its components all count. For the rest see `asked_accelerator`, whose order
    holds for the policy too.

    Raises:
        InvalidInputError: for a field of a wrong shape.
    """
    constraints = (mapping_at(selector, "constraints", where) for where, selector in _selectors(service).items())
    engine = mapping_at(mapping_at(service, "spec", "InferenceService"), "engine", "spec")
    tolerations = mappings_at(engine, "tolerations", "spec.engine")
    return AskedHardware(
        accelerator=asked_accelerator(service),
        constraints=tuple(one for one in constraints if one),
        policy=_asked(service, "policy")[1],
        tolerations=tuple(tolerations) if engine.get("tolerations") is not None else None,
    )


def asked_accelerator(service: Mapping[str, Any]) -> str:
    """Name of the AcceleratorClass that a service asks for, "" when it leaves the choice to the selection.

    The engine's `acceleratorOverride` comes before the service's `acceleratorSelector`, as in OME, and both before the
    annotation `ome.io/accelerator-class`, which in OME only narrows the runtimes. A decoder's override decides where
    nothing else does: engine and decoder run on one class.

    Raises:
        InvalidInputError: for a field of a wrong shape.
    """
    return _asked(service, "acceleratorClass")[1]


def check_accelerator(service: Mapping[str, Any], choice: Choice) -> None:
    """Refuse a choice that is not what the service asks for, and a decoder that asks for another than its engine.

    Raises:
        UnsupportedError: names the decoder's field, its value, and what the engine asks for.
        InvalidInputError: names the field and both values.
    """
    metadata = mapping_at(service, "metadata", "InferenceService")
    name = f"InferenceService {metadata.get('namespace')}/{metadata.get('name')}"
    field, accelerator = _asked(service, "acceleratorClass")
    for key in ("acceleratorClass",) if accelerator else ("policy",):  # a policy only counts where no class is named
        _refuse_another_decoder(service, key, name)
    if accelerator and accelerator != choice.accelerator:
        raise InvalidInputError(
            f'{name}: {field} asks for accelerator class "{accelerator}", and "{choice.accelerator}" was chosen',
            remedy=f"Run with accelerator={accelerator}, or change the InferenceService.",
        )


def _refuse_another_decoder(service: Mapping[str, Any], key: str, name: str) -> None:
    if mapping_at(service, "spec", "InferenceService").get("decoder") is None:
        return
    engine_field, engine = _asked(service, key)
    field, decoder = _asked(service, key, _ORDER_OF_DECODER)
    if decoder and decoder != engine:
        whose = "" if field.startswith(_DECODER) else " for the decoder"
        raise UnsupportedError(
            f'{name}: {field} asks for "{decoder}"{whose}, and {engine_field} asks for "{engine}"; accepted: '
            f'"{engine}", since engine and decoder of one service run on one accelerator class',
            remedy="Ask for the same in both, or leave it out of both and give it in spec.acceleratorSelector.",
        )


def _asked(service: Mapping[str, Any], key: str, order: Sequence[str] = _ORDER) -> tuple[str, str]:
    """The first field that says something, and what it says; two "" when none does."""
    selectors = _selectors(service)
    for where in order:
        if where in selectors and (value := text_at(selectors[where], key, where)):
            return f"{where}.{key}", value
        if where == _ANNOTATION and key == "acceleratorClass" and (value := _annotation(service)):
            return where, value
    return "", ""


def _annotation(service: Mapping[str, Any]) -> str:
    metadata = mapping_at(service, "metadata", "InferenceService")
    return text_at(mapping_at(metadata, "annotations", "metadata"), ACCELERATOR_CLASS, "metadata.annotations")


def _selectors(service: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    spec = mapping_at(service, "spec", "InferenceService")
    return {
        _SERVICE: mapping_at(spec, "acceleratorSelector", "spec"),
        _ENGINE: mapping_at(mapping_at(spec, "engine", "spec"), "acceleratorOverride", "spec.engine"),
        _DECODER: mapping_at(mapping_at(spec, "decoder", "spec"), "acceleratorOverride", "spec.decoder"),
    }


def _json(values: Sequence[Mapping[str, Any]]) -> str:
    return json.dumps(values, sort_keys=True, separators=(",", ":"))
