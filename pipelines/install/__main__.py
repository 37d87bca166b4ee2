"""`python -m pipelines.install`: writes `controller/install/` and the checked-in workflow templates anew."""

import sys

from pipelines.install.files import REPOSITORY, write

if __name__ == "__main__":
    for path in write(REPOSITORY):
        sys.stdout.write(f"{path.relative_to(REPOSITORY)}\n")
