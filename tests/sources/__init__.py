"""Real servers of the protocols that models come over, and the one suite that every source must pass.

`harness.py` says what the suite needs of a source's surroundings, `harnesses.py` lists those there are, and
`test_conformance*.py` are the suite. docs/sources.md tells how to run it against a source of one's own.
"""
