"""Tests of the benchmark step: plan, tokenizer, load, results and report."""
