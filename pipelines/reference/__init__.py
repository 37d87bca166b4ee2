"""The pages that are written from the code: each pipeline with its graph and parameters, and the rights of accounts.

`python -m pipelines.reference` writes them, and the graphs that the README shows; `tests/docs` compares them.
"""
