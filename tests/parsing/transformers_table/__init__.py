"""What transformers builds from a configuration, counted, and a report of how near the parser comes to it."""
