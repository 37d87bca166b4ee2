"""What becomes of a model with pickles that run code when they are loaded: `spec.storage.parameters.unsafePickles`.

A file of its own, because the steps that take it start faster without the types of whole resources.
"""

from typing import Literal

UnsafePickles = Literal["refuse", "allow"]
