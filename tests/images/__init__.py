"""Container images: what goes into them, and how they are built."""
