"""`python -m crds`: write the CustomResourceDefinitions into `crds/manifests`, after a change of the types."""

import sys

from crds.manifest_files import write

for path in write():
    sys.stdout.write(f"{path}\n")
