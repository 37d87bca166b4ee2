"""This machine as a node: labels as Kubernetes has them, cores and memory within the cgroup, GPUs defensively."""

import os
import platform
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steps.selection.nodes import (
    architecture,
    cgroup_cores,
    cgroup_memory,
    gpu_resources,
    local_node,
    query_nvidia_smi,
    usable_cores,
)

TWO_H100 = "NVIDIA H100 80GB HBM3, 81559, 9.0\nNVIDIA H100 80GB HBM3, 81559, 9.0\n"


def test_the_node_is_this_machine() -> None:
    node = local_node(lambda: "")
    assert node.is_usable
    assert node.labels["kubernetes.io/os"] == platform.system().lower()
    assert node.labels["kubernetes.io/hostname"] == node.name
    assert 0 < node.allocatable.cpu <= (os.cpu_count() or 1)
    assert 0 < node.allocatable.memory <= psutil.virtual_memory().total
    assert 0 <= node.requested.memory <= node.allocatable.memory
    assert node.allocatable.devices == {}


def test_gpus_become_labels_and_devices() -> None:
    node = local_node(lambda: TWO_H100)
    assert node.allocatable.devices == {"nvidia.com/gpu": 2}
    assert node.labels["nvidia.com/gpu.product"] == "NVIDIA-H100-80GB-HBM3"
    assert node.labels["nvidia.com/gpu.memory"] == "81559"
    assert (node.labels["nvidia.com/gpu.compute.major"], node.labels["nvidia.com/gpu.compute.minor"]) == ("9", "0")


def test_different_gpus_are_described_by_the_smallest() -> None:
    labels, devices = gpu_resources("NVIDIA H200, 143771, 9.0\nNVIDIA L4, 23034, 8.9\n")
    assert labels["nvidia.com/gpu.product"] == "NVIDIA-L4"
    assert devices == {"nvidia.com/gpu": 2}


@given(st.text(max_size=200))
def test_any_output_of_nvidia_smi_is_survived(listing: str) -> None:
    labels, devices = gpu_resources(listing)
    assert bool(labels) == bool(devices)


@pytest.mark.parametrize("script", ["exit 9", "echo 'NVIDIA-SMI has failed'; exit 0", "kill -9 $$"])
def test_a_broken_nvidia_smi_means_no_gpus(script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert gpu_resources(query_nvidia_smi()) == ({}, {})


def test_a_working_nvidia_smi_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\nprintf '{TWO_H100}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert local_node().allocatable.devices == {"nvidia.com/gpu": 2}


def test_without_nvidia_smi_there_are_no_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert query_nvidia_smi() == ""


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({"cpu.max": "150000 100000"}, 1.5),
        ({"cpu.max": "max 100000"}, 0),
        ({"cpu/cpu.cfs_quota_us": "50000", "cpu/cpu.cfs_period_us": "100000"}, 0.5),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 0),
        ({"cpu.max": "rubbish"}, 0),
        ({}, 0),
    ],
)
def test_cgroup_quota(files: dict[str, str], cores: float, tmp_path: Path) -> None:
    write(tmp_path, files)
    assert cgroup_cores(tmp_path) == cores
    assert usable_cores(tmp_path) == (cores if 0 < cores < 1 else pytest.approx(usable_cores(tmp_path)))


@pytest.mark.parametrize(
    ("files", "memory"),
    [
        ({"memory.max": "1073741824", "memory.current": "1024"}, (1 << 30, 1024)),
        ({"memory.max": "max", "memory.current": "1024"}, (0, 0)),
        ({"memory/memory.limit_in_bytes": "1048576", "memory/memory.usage_in_bytes": "4096"}, (1 << 20, 4096)),
        ({"memory/memory.limit_in_bytes": "9223372036854771712"}, (0, 0)),
        ({}, (0, 0)),
    ],
)
def test_cgroup_memory(files: dict[str, str], memory: tuple[int, int], tmp_path: Path) -> None:
    write(tmp_path, files)
    assert cgroup_memory(tmp_path) == memory


def test_architectures_are_kubernetes_words() -> None:
    assert [architecture(name) for name in ("x86_64", "aarch64", "arm64", "AMD64", "riscv64")] == [
        "amd64", "arm64", "arm64", "amd64", "riscv64",
    ]  # fmt: skip


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text + "\n")
