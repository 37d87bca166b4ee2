"""A model of a few kilobytes, for what is about the way that it takes and not about its answers."""

import json
from pathlib import Path

from tests.cluster_steps.models import CONFIG
from tests.parsing.made_up_files import write_safetensors


def tiny_model(folder: Path, config: bytes = json.dumps(CONFIG).encode()) -> dict[str, bytes]:
    """Its files by name."""
    path = write_safetensors(folder / "model.safetensors", {"model.embed_tokens.weight": ("BF16", (256, 64))})
    return {"config.json": config, "model.safetensors": path.read_bytes()}
