"""The controller: watches resources, plans, submits workflows and writes status.

Empty until the pipelines run on a cluster: on one machine `pipelines.local` runs the same templates.
"""
