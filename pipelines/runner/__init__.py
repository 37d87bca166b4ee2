"""How the local runner does it. `pipelines.local` is its entrance; nothing else outside imports from here but tests.

`supported`, `workflow_source` and `workflow_check` take a workflow or refuse it; `expression*` and `substitution` read
its small languages; `graph_run` and `graph_scope` walk its graph, `leaf_run` runs a step under `step_process` and its
guard, `retry_plan` decides on another attempt, and `journal` writes down what happened.
"""
