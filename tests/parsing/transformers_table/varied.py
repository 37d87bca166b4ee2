"""Writes the varied configurations of the table: what blueprints were not made from, and a default beside them.

`python -m tests.parsing.transformers_table.varied SAMPLES... --out varied.jsonl` takes of each class the builds that
`mine.py` holds out. A line says what differs from the default configuration of the same type in `table.jsonl`.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from tests.parsing.transformers_table.explained import HELD_OUT
from tests.parsing.transformers_table.mine import read
from tests.parsing.transformers_table.report import TABLE, flat_of
from tests.parsing.transformers_table.variants import reduced

Json = dict[str, Any]


def main() -> None:
    """Write the lines."""
    asked = argparse.ArgumentParser()
    asked.add_argument("samples", nargs="+", type=Path)
    asked.add_argument("--out", type=Path, required=True)
    asked.add_argument("--keep", type=Path, help="an earlier file, whose lines of classes that were not sampled stay")
    given = asked.parse_args()
    scopes, defaults = {}, {}
    for line in TABLE.read_text().splitlines():
        values = json.loads(line)
        if values.get("variant") == "default":
            scopes[values["type"]] = values["scope"]
            defaults[values["type"]] = flat_of(values["config"])
    classes = read(given.samples)
    sampled = {found["class"] for found in classes if found.get("scope") != "inner"}
    kept = [json.loads(text) for text in given.keep.read_text().splitlines()] if given.keep else []
    lines = [line for line in kept if not sampled & set(line["counts"])]
    for found in classes:
        kind = found.get("type")
        if found.get("scope") == "inner" or kind not in defaults:
            continue
        for number, sample in enumerate(found["samples"][-HELD_OUT:], 1):
            own = flat_of(reduced(sample["config"]))
            base = defaults[kind]
            changed = {name: value for name, value in own.items() if base.get(name, ...) != value}
            lines.append({
                "type": kind, "scope": scopes[kind], "variant": f"mixed {number}",
                "changed": changed, "gone": [name for name in base if name not in own],
                "counts": {found["class"]: sample["total"]},
            })  # fmt: skip
    lines.sort(key=lambda line: (*line["counts"], line["variant"]))
    given.out.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))
    print(f"{len(lines)} configurations")


if __name__ == "__main__":
    main()
