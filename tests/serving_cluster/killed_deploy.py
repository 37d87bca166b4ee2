"""Deploys a service and is killed right after its n-th write was answered: `killed_deploy <namespace> <n>`.

Run by `test_killed_applies_end_the_same`, with the environment of a step's pod. It exits with 0 when it did not get
as far as n.
"""

import os
import signal
import sys
from typing import Any

from steps.choice import Choice
from steps.cluster.api import open_api
from steps.serving.cluster.deploy import Limits, deploy


def main(namespace: str, deadly: int) -> None:
    """Deploy, and die on the way."""
    api = open_api()
    request = api._pool.request
    writes = 0

    def counted(method: str, url: str, **options: Any) -> Any:
        nonlocal writes
        answer = request(method, url, **options)
        writes += method != "GET"
        if writes == deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    # The moment between two calls is reached no other way.
    setattr(api._pool, "request", counted)  # noqa: B010 - a plain assignment has another type
    limits = Limits(model=0.0, reach=0.0)
    deploy(api, "chat", namespace, "smollm2", Choice(runtime="tiny"), replicas=2, limits=limits, report=_applied)


def _applied(_: str, __: float) -> None:
    sys.exit(0)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
