"""Deployment: from an InferenceService and a runtime to something that answers.

Pure here: merging a runtime with a service (`component`, `strategic_merge`, `arguments`), filling in its container
(`expansion`, `container`), when to restart (`restart`), what probes mean (`health`). Thin edges of one machine: the
supervisor that keeps an engine running (`supervisor`), starting and waiting (`deploy`), listing and stopping
(`deployments`), asking (`chat`).
"""
