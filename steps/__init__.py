"""What each step of a pipeline does: pure cores and thin edges. Imports `crds` and `images`, never `pipelines`."""
