"""A kubeconfig that cannot be used is the reader's to mend: the error names the file and what is wrong, everywhere."""

import asyncio
import base64
from pathlib import Path

import pytest

from controller.api import connect as connect_controller
from controller.metrics import Metrics
from pipelines.install.connection import connect
from steps.cluster.api import open_api
from steps.errors import InvalidInputError
from tests.command.run_ome import ome

GARBAGE = base64.b64encode(b"not a certificate").decode()


def kubeconfig(server: str = "https://127.0.0.1:1", trust: str = "", user: str = "token: mine") -> str:
    """The text of a kubeconfig."""
    cluster = ", ".join(filter(None, (f'server: "{server}"', trust)))
    return (
        f"apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{{name: k, cluster: {{{cluster}}}}}]\n"
        f"contexts: [{{name: c, context: {{cluster: k, user: u}}}}]\nusers: [{{name: u, user: {{{user}}}}}]\n"
    )


FORM = "a mapping with clusters, users and contexts"
UNUSABLE = [
    pytest.param(b"- a list\n", FORM, id="a list"),
    pytest.param(b"just words\n", FORM, id="words"),
    pytest.param(b"clusters: 5\n", FORM, id="a number for a list"),
    pytest.param(b"", "", id="nothing"),
    pytest.param(b"clusters: [\n", "expected", id="YAML cut off"),
    pytest.param(b"\xf6\xff", "", id="no text"),
    pytest.param(kubeconfig(server="").encode(), 'server "" is no URL', id="no server"),
    pytest.param(kubeconfig(server="10.0.0.1").encode(), 'server "10.0.0.1" is no URL', id="no scheme"),
    pytest.param(
        kubeconfig(trust=f"certificate-authority-data: {GARBAGE}").encode(), "certificates", id="no authority"
    ),
    pytest.param(kubeconfig(trust="certificate-authority-data: abc").encode(), "base64", id="no base64"),
    pytest.param(
        kubeconfig(user=f"client-certificate-data: {GARBAGE}, client-key-data: {GARBAGE}").encode(),
        "certificates or its key", id="no certificate",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("content", "said"), UNUSABLE)
def test_file_and_fault_are_named_to_a_person_to_a_step_and_in_the_controllers_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, said: str
) -> None:
    file = tmp_path / "kubeconfig"
    file.write_bytes(content)
    with pytest.raises(InvalidInputError) as of_person:
        connect(file)
    monkeypatch.setenv("KUBECONFIG", str(file))
    open_api.cache_clear()
    with pytest.raises(InvalidInputError) as of_step:
        open_api()
    with pytest.raises(InvalidInputError) as of_controller:
        asyncio.run(connect_controller(file, Metrics()))
    for each in (of_person, of_step, of_controller):
        assert f"kubeconfig {file}: " in each.value.message and said in each.value.message
        assert "kubectl config view" in each.value.remedy and "--kubeconfig" in each.value.remedy


def test_doctor_does_not_take_it_for_a_fault_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "list").write_text("- a list\n")
    told = ome("doctor", "--kubeconfig", str(tmp_path / "list"))
    assert told.returncode == InvalidInputError.exit_code
    assert f"kubeconfig {tmp_path / 'list'}" in told.stderr
    assert "fault of ome-pipelines" not in told.stderr and "Traceback" not in told.stderr
