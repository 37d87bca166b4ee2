"""Import and node cache: sources, the download engine, the content store, admission and collection."""
