"""An installation on a cluster: what it is made of, applied to a real API server, checked and taken off again."""
