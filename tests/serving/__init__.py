"""Serving: merging, rendering, supervising, asking; engines here are small real servers in real processes."""
