"""Models that the tests' hub has: small, real in form, and parsed in no time."""

from pathlib import Path

from steps.parse.gguf import FIRST_READ
from tests.hub.fixture import RunningHub
from tests.parsing.made_up_files import gguf_bytes, write_config, write_safetensors

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


HUGE, HUGE_BYTES = "hf://acme/huge", 2 * 10**12
HUGE_WEIGHTS = "acme/huge/model.gguf"


def huge_files() -> tuple[dict[str, bytes], str]:
    """Files and settings of a hub's repository of two terabytes, of which there is no more than the header says.

    The hub says the size. Whoever fetches the weights gets far less, and whoever parses them just what it reads.
    """
    metadata = {
        "general.architecture": "llama", "llama.block_count": 2, "llama.context_length": 512,
        "llama.embedding_length": 1000, "llama.attention.head_count": 10, "llama.attention.head_count_kv": 10,
    }  # fmt: skip
    header, data = gguf_bytes(metadata, {"token_embd.weight": ("F16", (1000, HUGE_BYTES // 2000))})
    size = len(header) + data
    return {"model.gguf": header.ljust(FIRST_READ, b"\0")}, f"sizes: {{model.gguf: {size}}}\n"
