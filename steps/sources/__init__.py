"""Where models come from: one class per storage-URI scheme, each in its own file.

`steps.resolve_model` asks a source for a manifest, `steps.parse_model` reads ranges of files through it, and
`steps.cache` asks it for the address of each file's bytes. To add a source, write one file with a class that has the
methods of `Source` and name it in `steps.sources.registry`, or in an entry point of a package of your own.
"""

from steps.sources.registry import open_source
from steps.sources.source import (
    Address,
    LocalAddress,
    RemoteAddress,
    ResolveOptions,
    Source,
    StoredAddress,
    read_range,
)

__all__ = [
    "Address",
    "LocalAddress",
    "RemoteAddress",
    "ResolveOptions",
    "Source",
    "StoredAddress",
    "open_source",
    "read_range",
]
