"""The quickstart, whole: a real model, a real inference server, a real load generator."""
