"""A program is built when it is missing or made from something else, and for no other reason."""

from pathlib import Path

import pytest

from steps.errors import InvalidInputError, UnsupportedError
from tests.cluster import binaries, go_toolchain, programs


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder."""
    monkeypatch.setenv("OME_CACHE", str(tmp_path))
    return tmp_path


def put(cache: Path, program: str, fingerprint: str) -> None:
    for folder, content in (("bin", "a program"), ("built", fingerprint)):
        path = cache / "cluster" / folder / program
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def without_go(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    """Put the machine's own Go out of sight: on PATH, and where it is installed."""
    monkeypatch.setenv("PATH", str(cache))
    monkeypatch.setenv("GOROOT", str(cache / "no-go"))


def fingerprint(program: str) -> str:
    ((module, _),) = programs.by_module((program,)).items()
    return module.fingerprint(program)


def test_only_what_is_asked_for_and_not_up_to_date_is_missing(cache: Path) -> None:
    put(cache, "etcd", fingerprint("etcd"))
    put(cache, "kubectl", "of another version")

    assert binaries.missing("etcd", "kubectl", "kube-apiserver") == ("kube-apiserver", "kubectl")
    assert binaries.missing("etcd") == ()
    assert set(binaries.missing()) == set(programs.OF_A_CLUSTER) - {"etcd"}


def test_what_is_up_to_date_needs_no_go(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_go(monkeypatch, cache)
    put(cache, "etcd", fingerprint("etcd"))

    assert binaries.ensure("etcd") == cache / "cluster" / "bin"


def test_without_go_the_command_that_gets_it_is_named(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_go(monkeypatch, cache)

    with pytest.raises(UnsupportedError, match="no Go toolchain") as caught:
        binaries.ensure("etcd", report=lambda _: None)

    assert go_toolchain.INSTALL_COMMAND in caught.value.remedy


def test_each_program_has_a_fingerprint_of_its_own() -> None:
    assert len({fingerprint(program) for program in programs.PROGRAMS}) == len(programs.PROGRAMS)


def test_unknown_programs_are_named() -> None:
    with pytest.raises(InvalidInputError, match='"etcdd" is unknown; there are: etcd, '):
        binaries.ensure("etcdd")
