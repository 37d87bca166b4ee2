"""Sources that a cluster cannot import from, told before a run is submitted that could only fail.

Called by `controller.plans.model`. `steps.source_inputs` refuses the first for runs that a person starts.
"""

from controller.plans.model_inputs import Wanted
from crds.storage_uri import LocalUri, PvcUri


def unsupported_source(wanted: Wanted) -> str:
    """Why nothing can be imported from where a model is; "" when it can, as far as its spec tells."""
    uri = wanted.storage.uri
    if isinstance(uri, LocalUri):  # in a pod it would be a folder of the image
        return (
            f'spec.storage.storageUri: "{wanted.uri}" is a folder of one machine, and steps on a cluster see no '
            "folder of a node. Put the files into a PersistentVolumeClaim and name it, pvc://[namespace:]claim/path, "
            "or into a bucket; on one machine, `ome import` takes it."
        )
    if isinstance(uri, PvcUri) and wanted.path:
        return (
            f'spec.storage.path: "{wanted.path}" asks for a copy on nodes, and a model in a claim is not copied. '
            "Leave path out: the model is read in place."
        )
    return ""
