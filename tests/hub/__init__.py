"""A model hub on this machine: real HTTP with ranges, redirects, tokens, gated repositories and faults on demand.

The quickstart serves its model from it, and the tests of import, parse and the command line run against it instead
of the internet. `python -m tests.hub --folder DIR` starts one; `tests.hub.fixture` starts one inside a test.
"""
