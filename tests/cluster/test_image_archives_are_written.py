"""Image archives are whole: layers have the digests that the image names, and a layer on top keeps those below."""

import hashlib
import json
import tarfile
from pathlib import Path
from typing import Any

from tests.cluster.image_archive import LayerEntry, read_tags, write_image


def described(archive: Path) -> tuple[dict[str, Any], list[str]]:
    """The image's configuration, and the digests of its layers as they are in the archive."""
    with tarfile.open(archive) as source:

        def content(name: str) -> bytes:
            file = source.extractfile(name)
            assert file is not None
            return file.read()

        (manifest,) = json.loads(content("manifest.json"))
        layers = [f"sha256:{hashlib.sha256(content(name)).hexdigest()}" for name in manifest["Layers"]]
        return json.loads(content(manifest["Config"])), layers


def test_layers_have_the_digests_that_the_image_names(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_bytes(b"#!/bin/sh\n")
    entries = [LayerEntry("/bin", None, 0o755), LayerEntry("/bin/run", program, 0o755), LayerEntry("/bin/go", "run")]

    archive = write_image(tmp_path / "one.tar", "localhost/one:1", entries, {"Entrypoint": ["run"]})

    config, layers = described(archive)
    assert config["rootfs"]["diff_ids"] == layers
    assert config["config"] == {"Entrypoint": ["run"]}
    assert read_tags(archive) == ["localhost/one:1"]


def test_the_same_files_give_the_same_archive(tmp_path: Path) -> None:
    entries = [LayerEntry("/a", b"text")]
    first, second = (write_image(tmp_path / name, "localhost/x:1", entries, {}) for name in ("1.tar", "2.tar"))

    assert first.read_bytes() == second.read_bytes()


def test_a_layer_on_top_keeps_what_is_below(tmp_path: Path) -> None:
    below_config = {"Env": ["A=1"], "User": "1"}
    base = write_image(tmp_path / "base.tar", "localhost/base:1", [LayerEntry("/a", b"below")], below_config)

    archive = write_image(tmp_path / "top.tar", "localhost/top:1", [LayerEntry("/b", b"top")], {"User": "2"}, base)

    config, layers = described(archive)
    assert layers[0] == described(base)[1][0]
    assert config["rootfs"]["diff_ids"] == layers
    assert len(layers) == 2
    assert config["config"] == {"Env": ["A=1"], "User": "2"}
