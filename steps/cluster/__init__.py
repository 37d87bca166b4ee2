"""Steps inside a cluster: where they run, the API server as they call it, and what they keep there.

The only place in `steps` that speaks to a Kubernetes API server. On one machine none of it is imported but `pod`.
"""
