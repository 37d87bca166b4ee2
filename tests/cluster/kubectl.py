"""kubectl against one cluster, with objects as dictionaries."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from steps.errors import ClusterError

Object = dict[str, Any]


class Kubectl:
    """Runs kubectl with one kubeconfig.

    Args:
        program: The kubectl to run.
        kubeconfig: Names the cluster and the user.
    """

    def __init__(self, program: Path, kubeconfig: Path) -> None:
        self.program = program
        self.kubeconfig = kubeconfig

    def command(self, *arguments: object) -> list[str]:
        """The words of a command, for those who start it themselves."""
        return [str(self.program), f"--kubeconfig={self.kubeconfig}", *(str(word) for word in arguments)]

    def __call__(self, *arguments: object, stdin: str | None = None) -> str:
        """Run a command and return what it printed.

        Raises:
            ClusterError: with what kubectl said.
        """
        done = self._run(*arguments, stdin=stdin)
        if done.returncode:
            raise ClusterError(f"kubectl {' '.join(str(word) for word in arguments)}: {done.stderr.strip()}")
        return done.stdout

    def succeeds(self, *arguments: object) -> bool:
        """Whether a command ends well."""
        return self._run(*arguments).returncode == 0

    def tell(self, *arguments: object) -> str:
        """What a command says, well or not: for reports of failures."""
        done = self._run(*arguments)
        return (done.stdout + done.stderr).strip()

    def apply(self, *objects: Mapping[str, Any], namespace: str = "") -> None:
        """Apply objects, on the server's side, into a namespace where they name none.

        Raises:
            ClusterError: when the API server refuses one.
        """
        listing = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        scope = [f"--namespace={namespace}"] if namespace else []
        self("apply", "--server-side", "--force-conflicts", *scope, "-f", "-", stdin=json.dumps(listing))

    def create(self, document: Mapping[str, Any], namespace: str = "") -> Object:
        """Create an object (it may have a generateName) and return it as the server keeps it."""
        scope = [f"--namespace={namespace}"] if namespace else []
        created: Object = json.loads(self("create", *scope, "-o", "json", "-f", "-", stdin=json.dumps(document)))
        return created

    def get(self, kind: str, name: str, namespace: str = "") -> Object:
        """One object.

        Raises:
            ClusterError: when there is none.
        """
        scope = [f"--namespace={namespace}"] if namespace else []
        found: Object = json.loads(self("get", kind, name, *scope, "-o", "json"))
        return found

    def list(self, kind: str, namespace: str = "", selector: str = "") -> list[Object]:
        """All objects of a kind, in all namespaces unless one is named."""
        scope = [f"--namespace={namespace}"] if namespace else ["--all-namespaces"]
        chosen = [f"--selector={selector}"] if selector else []
        found: list[Object] = json.loads(self("get", kind, *scope, *chosen, "-o", "json"))["items"]
        return found

    def watch(self, process: "subprocess.Popen[str]") -> Iterator[tuple[str, Object]]:
        """Type and object of each event that `get -o json --watch --output-watch-events` prints, to its end."""
        assert process.stdout is not None
        for line in process.stdout:
            event = json.loads(line)
            yield event["type"], event["object"]

    def _run(self, *arguments: object, stdin: str | None = None) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(self.command(*arguments), input=stdin, capture_output=True, text=True, check=False)
