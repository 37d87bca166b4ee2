"""Tests of the templates, of the local runner, and of the contract both are held to."""
