"""Parsing: configs, tensor headers, and what is concluded from them."""
