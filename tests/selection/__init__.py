"""Selection: which runtime and accelerator serve a model, whether it fits, and why not the others."""
