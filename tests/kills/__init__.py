"""Imports that are killed, or whose machine loses its power, at random moments: `python -m tests.kills`.

`campaign` imports models of every kind (`served`) in processes (`attempt`) that end at a random moment (`moments`),
counts what each had fetched and what is kept (`accounting`), and looks at what is visible. `power` is a disk that can
forget what was never written to it.
"""
