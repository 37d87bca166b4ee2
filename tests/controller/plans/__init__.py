"""Planners, on a tiny cluster in memory: the controller's store, an API server's rules, a hand that plays Argo."""
