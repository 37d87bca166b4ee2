"""Which runtime and accelerator serve a model, whether it fits, and why not the others.

Pure: facts, runtimes, accelerator classes and nodes in, a `steps.choice.Choice` out; `steps.select_runtime` is the
thin edge that reads them. Where things live: `candidates` asks each runtime whether it can (`format_match`,
`version_match`, `size_range`, `engines`), `accelerators` finds the devices (`affinity`, `nodes`) and `policies` takes
one of them, `fit` does the arithmetic of `memory`, `ranking` orders (`name_affinity`), `selector` decides, `explain`
shows the table; `library` holds what is read once for many models.
"""
