"""Prints the report: `python -m tests.parsing.transformers_table [--masked] [--all]`."""

import sys
from collections import Counter

from tests.parsing.transformers_table.report import NEAR, OUTCOMES, by_architecture, compare, rows


def main() -> None:
    """Print shares, and every configuration that is off by more than 0.1 %."""
    masked, everything = "--masked" in sys.argv, "--all" in sys.argv
    for scope in ("served", "other"):
        found = [compare(row, masked=masked) for row in rows() if row.scope == scope]
        if not found:
            continue
        counts = Counter(by_architecture(found).values())
        near = sum(counts[word] for word in NEAR)
        print(f"{scope}: {sum(counts.values())} architectures, {len(found)} configurations; "
              f"{near / sum(counts.values()):.1%} exact or within 0.1 %")  # fmt: skip
        print("  " + ", ".join(f"{word}: {counts[word]}" for word in OUTCOMES))
        for one in found:
            if one.outcome not in NEAR or everything:
                row = one.row
                print(f"  {one.outcome:12} {row.architecture} {row.variant} counted {one.counted:,} "
                      f"of {row.total:,} ({one.counted / row.total - 1:+.2%})")  # fmt: skip


if __name__ == "__main__":
    main()
