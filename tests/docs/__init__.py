"""The pages that people read: generated where they can be, and held to the code where they are written."""
