"""Repairs killed before each of their changes to the disk in turn: `python -m tests.importing.killed_repairs`.

A program of its own, because it forks. Its models `one` and `two` are imported already; it prints how many kills there
were, and fails when a file is gone, has other than its old or its new bytes, or the next repair does not mend it.
"""

import itertools
import os
import signal
import sys
from pathlib import Path

from steps.cache import models_root
from steps.cache.pruning import prune
from steps.cache.repair import repair
from steps.cache.verifying import verify
from tests.importing.damage import damage
from tests.importing.models import contents

CHANGES = frozenset({"os.rename", "os.link", "os.remove", "os.rmdir", "os.mkdir", "os.utime", "os.chmod"})
FOLDERS = ("one", "two")


def main() -> None:
    """Kill until a repair comes to its end."""
    root = models_root()
    whole = {name: contents(root / name) for name in FOLDERS}
    for kills in itertools.count():
        old = damage(root / "one" / "model.safetensors", is_silent=kills % 2 == 0)
        (root / "two" / "config.json").unlink()
        is_done = _repair_until_killed(root, kills + 1)
        for name in FOLDERS:
            _check(name, contents(root / name), whole[name], old)
        if kills % 3 == 0:
            prune(0)
        assert repair(verify()).failures == ()
        assert {name: contents(root / name) for name in FOLDERS} == whole, f"not mended after kill {kills + 1}"
        assert verify().faults == ()
        if is_done:
            sys.stdout.write(f"{kills}\n")
            return


def _repair_until_killed(root: Path, changes: int) -> bool:
    """Repair in a child that dies just before a change of the disk; whether it came to its end before."""
    child = os.fork()
    if child == 0:
        left = changes

        def watch(event: str, _arguments: object) -> None:
            nonlocal left
            if event in CHANGES:
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        try:
            found = verify()
            sys.addaudithook(watch)
            os._exit(bool(repair(found).failures))
        finally:
            os._exit(1)  # after an error
    _, status = os.waitpid(child, 0)
    assert status in (0, signal.SIGKILL), f"the repair failed by itself: {status}"
    return status == 0


def _check(name: str, now: dict[str, bytes], whole: dict[str, bytes], old: bytes) -> None:
    for path, content in whole.items():
        if (name, path) == ("two", "config.json"):
            assert now.get(path, content) == content, "a file that was missing comes whole or not at all"
        elif path == "model.safetensors":
            assert now[path] in (old, content)
        else:
            assert now[path] == content
    assert set(now) <= set(whole)


if __name__ == "__main__":
    main()
