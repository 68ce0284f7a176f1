"""Run benchmarks by name. Each prints the tables that RESULTS.md contains."""

import importlib
import platform
import sys
import time

MODULES = {
    "start": "commands.start",
    "cold": "commands.cold",
    "compare": "commands.compare",
    "ratio": "commands.ratio",
    "ingest": "commands.ingest",
    "memory": "commands.memory",
    "encoders": "encoders.speed",
    "architectures": "encoders.architectures",
    "pooling": "encoders.pooling",
    "training": "encoders.training",
    "questions": "retrieval.questions",
    "fusion": "retrieval.fusion",
    "weights": "retrieval.weights",
    "models": "retrieval.models",
    "vectors": "vectors.indexes",
    "formats": "vectors.file_formats",
    "languages": "retrieval.languages",
    "lexical": "retrieval.lexical",
    "search": "retrieval.search",
    "batch": "retrieval.batch",
    "rerank": "retrieval.rerank",
    "answers": "retrieval.answers",
    "cutting": "documents.chunking",
    "reading": "documents.reading",
    "load": "serving.load",
    "malformed": "serving.malformed",
    "scale": "serving.scale",
}
ON_REQUEST = ("compare", "ratio", "scale")  # need an older checkout, or Ray


def main() -> int:
    for name in sys.argv[1:] or [name for name in MODULES if name not in ON_REQUEST]:
        if name not in MODULES:
            print(f"unknown benchmark {name}; expected {', '.join(MODULES)}", file=sys.stderr)
            return 2
        print(f"## {name}: {time.strftime('%Y-%m-%d')}, Python {platform.python_version()}")
        importlib.import_module(f"bench.{MODULES[name]}").main()
    return 0


sys.exit(main())
