"""Serving on a cluster: what is rendered, applied, waited for and said."""
