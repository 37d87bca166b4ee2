"""A real Kubernetes with real Argo Workflows on one machine, and the tests that run on it or on a user's own cluster.

`python -m tests.cluster --help` (or `make cluster-up`, `cluster-down`, `test-cluster`) drives it; `conftest.py` has
the fixtures. The programs are built from Go modules (`modules/`, `binaries.py`): a module proxy is all it takes.
"""
