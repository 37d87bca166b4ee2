"""Where the test cluster keeps things: its binaries, its images and the running cluster, all in the user's cache."""

from pathlib import Path

from images.environment import cache_folder


def cluster_folder() -> Path:
    """`cluster` in the cache folder: `$OME_CACHE`, else `ome-pipelines` in `$XDG_CACHE_HOME` or `~/.cache`."""
    return cache_folder() / "cluster"


def binaries_folder() -> Path:
    """Where the built programs are."""
    return cluster_folder() / "bin"


def running_folder() -> Path:
    """Where the running cluster keeps its state: process ids, certificates, logs, node folders."""
    return cluster_folder() / "run"
