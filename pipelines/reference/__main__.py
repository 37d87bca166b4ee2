"""`python -m pipelines.reference`: writes the generated pages of `docs/` and the README's graphs anew."""

import sys

from pipelines.reference.pages import REPOSITORY, write

if __name__ == "__main__":
    for path in write(REPOSITORY):
        sys.stdout.write(f"{path.relative_to(REPOSITORY)}\n")
