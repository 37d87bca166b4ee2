"""The controller: watches resources, plans, submits workflows and writes status.

It is for clusters: on one machine `pipelines.local` runs the same templates. `controller.main` starts it.
"""
