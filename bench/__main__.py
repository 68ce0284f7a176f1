"""Run benchmarks by name; each prints the table that RESULTS.md holds."""

import importlib
import platform
import sys
import time

NAMES = (
    *("start", "cold", "ingest", "memory", "encoders", "pooling", "training"),
    *(
        "questions",
        "fusion",
        "vectors",
        "lexical",
        "search",
        "batch",
        "rerank",
        "cutting",
        "reading",
    ),
    *("load", "malformed"),
)


def main() -> int:
    for name in sys.argv[1:] or NAMES:
        if name not in NAMES:
            print(f"no benchmark is called {name}; there are {', '.join(NAMES)}", file=sys.stderr)
            return 2
        print(f"## {name}: {time.strftime('%Y-%m-%d')}, Python {platform.python_version()}")
        importlib.import_module(f"bench.{name}").main()
    return 0


sys.exit(main())
