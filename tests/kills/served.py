"""Models of every kind of file, at a hub and at a GitHub whose store is that hub: one ledger counts all bytes."""

import json
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.hub.fixture import RunningHub, running_hub
from tests.hub.server import HubOptions
from tests.sources.background import Background
from tests.sources.github_server import Asset, GithubServer, Release, Repository

PACE = 60_000_000
"""Bytes a second: slow enough for a moment to be met from outside the process."""
CONFIG = {
    "model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 64, "num_hidden_layers": 2,
    "num_attention_heads": 4, "vocab_size": 1000, "torch_dtype": "float32",
}  # fmt: skip


@dataclass(frozen=True)
class ServedModel:
    """A model to import.

    Attributes:
        name: Its folder; two revisions have one.
        uri: Where it is; "" for a folder of this machine.
        files: What its folder must hold.
        fetched_bytes: What an import of it fetches when those before it are there.
    """

    name: str
    uri: str
    files: Mapping[str, bytes]
    fetched_bytes: int


@dataclass(frozen=True)
class Served:
    """Models in the order of their import, the hub that sends their bytes, and the variables that lead to it."""

    models: tuple[ServedModel, ...]
    hub: RunningHub
    environment: Mapping[str, str]


@contextmanager
def serving(folder: Path, seed: int, pace: int = PACE) -> Iterator[Served]:
    """Serve the models out of a folder.

    A large file has a SHA-256, a small one git's SHA-1, one has no bytes, one has no digest at its source; one is in
    two models, one model comes in two revisions, and one lies on this machine already.
    """
    noise, background, github = random.Random(seed), Background(), GithubServer(())
    shards = [_weights(noise, 12, "first"), _weights(noise, 6, "second"), _weights(noise, 6, "second")]
    config = json.dumps(CONFIG).encode()
    base = {
        "config.json": config, "tokenizer.json": json.dumps(noise.randbytes(100_000).hex()).encode(), "empty.txt": b"",
        "notes/en/read.me": b"read me", "model-00001-of-00002.safetensors": shards[0],
    }  # fmt: skip
    first = base | {"model-00002-of-00002.safetensors": shards[1]}
    second = base | {"model-00002-of-00002.safetensors": shards[2]}
    tuned = {
        "config.json": config,
        "model.safetensors": shards[0],
        "adapter.safetensors": _weights(noise, 4, "adapter"),
    }
    release = {"config.json": config, "model.safetensors": _weights(noise, 5)}
    here = {
        "config.json": config,
        "empty.txt": b"",
        "model.safetensors": _weights(noise, 5),
        "more/notes.txt": b"more",
    }
    folder.mkdir()
    with running_hub(HubOptions(folder, bytes_per_second=pace)) as hub, background.serving(github.handle) as url:
        hub.add("acme/base", first | {f".revisions/second/{path}": content for path, content in second.items()})
        hub.add("acme/tuned", tuned)
        assets = {name: Asset(name, content, has_digest=name == "config.json") for name, content in release.items()}
        hub.add("acme/assets", {str(asset.number): asset.content for asset in assets.values()})
        github.repositories["acme/release"] = Repository([Release("v1", assets=assets)])
        github.store_url = f"{hub.url}/acme/assets/resolve/main"
        models = (
            ServedModel("base", "hf://acme/base", first, _size(first)),
            ServedModel("tuned", "hf://acme/tuned", tuned, len(tuned["adapter.safetensors"])),
            ServedModel("release", "github://acme/release@v1", release, _size(release)),
            ServedModel("here", "", here, 0),
            ServedModel("base", "hf://acme/base@second", second, len(shards[2])),
        )
        yield Served(models, hub, {"HF_ENDPOINT": hub.url, "GITHUB_API_URL": url})


def _weights(noise: random.Random, mebibytes: int, tensor_name: str = "all") -> bytes:
    """A file with one tensor of bytes that nothing else has."""
    size = mebibytes << 20
    tensor = {"dtype": "F32", "shape": [size // 256, 64], "data_offsets": [0, size]}
    header = json.dumps({f"model.{tensor_name}.weight": tensor}).encode()
    return len(header).to_bytes(8, "little") + header + noise.randbytes(size)


def _size(files: Mapping[str, bytes]) -> int:
    return sum(map(len, files.values()))
