"""Tests of nodes that give a model's bytes to each other: processes on loopback, around one real hub."""
