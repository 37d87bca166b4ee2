"""What an installation on a cluster is made of: pure functions from options to objects, and the few that apply them.

`ome install`, `ome doctor` and `ome uninstall` call it. The folders under `controller/install/`, for kubectl and Helm,
are written from it by `python -m pipelines.install`, and a test compares them.
"""
