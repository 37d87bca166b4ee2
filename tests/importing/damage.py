"""Damage as disks and people do it."""

import os
from pathlib import Path


def damage(path: Path, *, is_silent: bool = True) -> bytes:
    """Change bytes in place, in all names of the file, and return them; silently as a failing disk does it."""
    before = path.stat()
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.seek(before.st_size // 2)
        file.write(b"damage")
    path.chmod(0o444)
    if is_silent:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    return path.read_bytes()
