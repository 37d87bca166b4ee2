"""The benchmark: plans cells, drives genai-bench as a subprocess, measures from single requests, writes the report.

`steps.benchmark_endpoint` is the step; everything it decides is in pure modules here (`plan`, `load_log`, `records`,
`results`, `vocabulary`), everything it touches is in thin edges (`genai_bench`, `load`, `key_proxy`, `readiness`,
`tokenizer`, `unfinished`, `report`).
"""
