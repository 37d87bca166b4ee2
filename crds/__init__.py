"""The API: pydantic types for the eight `ome.io/v1beta1` kinds. Imports nothing else of this project."""
