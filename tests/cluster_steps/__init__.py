"""Steps as pods run them: real processes against a real API server, a real hub and real folders of a node."""
