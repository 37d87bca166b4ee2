"""Tests of the controller: its planners alone, and its engine on a real API server."""
