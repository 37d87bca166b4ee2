"""Models that the tests' hub has: small, real in form, and parsed in no time."""

from pathlib import Path

from tests.hub.fixture import RunningHub
from tests.parsing.made_up_files import write_config, write_safetensors

CONFIG = {
    "model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 64, "intermediate_size": 128,
    "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 256,
    "max_position_embeddings": 512, "torch_dtype": "bfloat16", "tie_word_embeddings": True,
}  # fmt: skip
NAME = "hf://acme/tiny"


def add_tiny(hub: RunningHub, repository: str = "acme/tiny", *, rows: int = 256, settings: str = "") -> Path:
    """A llama of two layers, less its layers: enough to be told, and unlike one of other `rows`."""
    folder = hub.add(repository, {}, settings=settings)
    write_config(folder, CONFIG | {"vocab_size": rows})
    write_safetensors(folder / "model.safetensors", {"model.embed_tokens.weight": ("BF16", (rows, 64))})
    return folder
