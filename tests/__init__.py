"""Tests, named by behaviour, and the real servers they run against."""
