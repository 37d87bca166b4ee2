"""A person at the bundled Argo server, as `docs/cluster.md` has it: an account, its rights, and a forwarded port."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.cluster.kubectl import Kubectl
from tests.docs.documented import commands

GUIDE = "docs/cluster.md"


def make_person(kubectl: Kubectl) -> str:
    """Carry out the guide's commands that are about a person; what the last one prints, a token."""
    told = [found.words[1:] for found in commands("kubectl") if found.page == GUIDE and "person" in str(found)]
    assert told[-1][:3] == ("create", "token", "person"), told
    return [kubectl(*words) for words in told][-1].strip()


@contextmanager
def forwarded(kubectl: Kubectl) -> Iterator[str]:
    """The server's address on this machine, by the guide's command."""
    (told,) = [found for found in commands("kubectl") if found.page == GUIDE and "service/argo-server" in found.words]
    with subprocess.Popen(kubectl.command(*told.words[1:]), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            said = process.stdout.readline()
            port = re.search(r"127\.0\.0\.1:(\d+) ->", said)
            assert port, said
            yield f"https://127.0.0.1:{port[1]}"
        finally:
            process.kill()
