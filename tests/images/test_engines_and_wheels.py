"""Commands of the three engines, and the wheel that is made from a compiled environment."""

import base64
import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from images.compiled_wheel import wheel_of
from images.distribution import project_version, write_metadata
from images.engine import ENGINES, Engine
from images.environment import EnvironmentProblem

_METADATA = b"Metadata-Version: 2.1\nName: llama_cpp_python\nVersion: 0.3.36\n"


@pytest.mark.parametrize("name", ENGINES)
def test_every_engine_mounts_what_pip_needs_and_copies_none_of_it(name: str) -> None:
    secrets = {"pip": Path("/etc/pip.conf")}
    words = Engine(name).build_command(Path("c/File"), Path("c"), ["x:1"], {"BASE": "b"}, secrets)
    assert words[0] == name and words[-1] == "c"
    assert words[words.index("--secret") : words.index("--secret") + 2] == ["--secret", "id=pip,src=/etc/pip.conf"]
    assert "BASE=b" in words and "x:1" in words


def test_buildah_builds_where_no_container_can_be_started() -> None:
    words = Engine("buildah", ("--root", "/r")).build_command(Path("File"), Path(), ["x"], {}, {})
    assert words[:4] == ["buildah", "--root", "/r", "build"]
    assert words[words.index("--isolation") : words.index("--isolation") + 2] == ["--isolation", "chroot"]


def test_a_wheel_holds_what_was_installed_and_installs_again(tmp_path: Path) -> None:
    site = _installed(tmp_path / "site")
    wheel = wheel_of(site, tmp_path)
    assert wheel.name == "llama_cpp_python-0.3.36-py3-none-any.whl"
    assert "llama_cpp/__init__.py" in zipfile.ZipFile(wheel).namelist()
    assert not [name for name in zipfile.ZipFile(wheel).namelist() if name.endswith((".pyc", "INSTALLER"))]
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", venv], check=True, timeout=120)
    subprocess.run([venv / "bin" / "pip", "install", "-q", "--no-index", "--no-deps", wheel], check=True, timeout=120)
    assert _said([venv / "bin" / "python", "-c", "import llama_cpp; print(llama_cpp.a)"]) == "1"


def test_the_same_files_make_the_same_wheel(tmp_path: Path) -> None:
    site = _installed(tmp_path / "site")
    first = wheel_of(site, tmp_path).read_bytes()
    assert wheel_of(site, tmp_path).read_bytes() == first


def test_a_changed_file_is_not_taken_into_a_wheel(tmp_path: Path) -> None:
    site = _installed(tmp_path / "site")
    (site / "llama_cpp" / "__init__.py").write_text("a = 2\n")
    with pytest.raises(EnvironmentProblem) as problem:
        wheel_of(site, tmp_path)
    assert "llama_cpp/__init__.py has changed" in problem.value.message
    assert "ome environments install" in problem.value.remedy


def test_our_version_is_known_where_no_installer_was(tmp_path: Path) -> None:
    write_metadata(Path("pyproject.toml").resolve(), tmp_path)
    code = "from importlib.metadata import version; print(version('ome-pipelines'))"
    looking_here = f"import sys; sys.path[:0] = [{str(tmp_path)!r}]; {code}"
    assert _said([sys.executable, "-I", "-c", looking_here]) == project_version()


def _said(words: list[str | Path]) -> str:
    return subprocess.run(words, capture_output=True, check=True, text=True, timeout=60).stdout.strip()


def _installed(site: Path) -> Path:
    """What an installer leaves of a small package of that name."""
    files = {
        "llama_cpp/__init__.py": b"a = 1\n",
        "llama_cpp_python-0.3.36.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "llama_cpp_python-0.3.36.dist-info/METADATA": _METADATA,
        "llama_cpp_python-0.3.36.dist-info/INSTALLER": b"uv",
    }  # fmt: skip
    rows = []
    for name, content in files.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_bytes(content)
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        rows.append(f"{name},sha256={digest},{len(content)}")
    rows += ["llama_cpp/__pycache__/__init__.cpython-311.pyc,,", "llama_cpp_python-0.3.36.dist-info/RECORD,,"]
    (site / "llama_cpp_python-0.3.36.dist-info" / "RECORD").write_text("\n".join(rows) + "\n")
    return site
