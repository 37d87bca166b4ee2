"""The node cache: a content store under the models root, and model folders that are hard links into it.

    <root>/.ome/objects/<algorithm>/<digest>            a verified file
    <root>/.ome/objects/<algorithm>/<digest>.partial    a download under way, locked by its process
    <root>/.ome/objects/<algorithm>/<digest>.progress   which bytes of it are there
    <root>/.ome/objects/<algorithm>/<digest>.seal       how a verified file looked; its sha256 where unnamed
    <root>/.ome/claims/<id>.json                        what a running import needs, locked by its process
    <root>/.ome/pending/<id>.json                       what an import that has not ended was about to write
    <root>/.ome/revisions/<folder>/<manifest>.json      an earlier revision of a model, which keeps its objects
    <root>/.ome/staging/                                a model folder in the making
    <root>/.ome/repair/                                 a store of its own, for what is to replace damaged objects
    <root>/<name>/                                      a model: its files, and .ome-model.json
    <root>/<namespace>/<name>/                          the same for a BaseModel of a cluster

`steps.cache_model` runs `import_model`, `steps.evict_model` runs `evict_model`, `ome delete` runs `remove_model`, and
for a model whose files are to stay both run `reserve_model`.
`ome cache` runs `usage.read_usage`, `verifying.verify`, `repair.repair` and `pruning.prune`, all from a `survey`;
`ome bundle` runs `bundle_export` and `bundle_import`.
"""

from steps.cache.collection import Collected, collect_garbage, remove_model
from steps.cache.eviction import evict_model
from steps.cache.importing import Imported, import_model
from steps.cache.reservation import reserve_model
from steps.cache.root import models_root

__all__ = [
    "Collected",
    "Imported",
    "collect_garbage",
    "evict_model",
    "import_model",
    "models_root",
    "remove_model",
    "reserve_model",
]
