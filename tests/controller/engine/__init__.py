"""Tests of the controller's engine on a real API server, with a planner of their own that uses every action."""
