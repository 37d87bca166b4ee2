"""Measurements beside the alternatives. They print ratios, and never fail on time."""
