"""Run benchmarks by name, or all. Each prints the tables that RESULTS.md contains."""

import importlib
import importlib.util
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
    "late": "retrieval.late_chunking",
    "vectors": "vectors.indexes",
    "formats": "vectors.file_formats",
    "languages": "retrieval.languages",
    "lexical": "retrieval.lexical",
    "search": "retrieval.search",
    "batch": "retrieval.batch",
    "rerank": "retrieval.rerank",
    "answers": "retrieval.answers",
    "tuning": "retrieval.tuning",
    "cutting": "documents.chunking",
    "reading": "documents.reading",
    "load": "serving.load",
    "malformed": "serving.malformed",
    "scale": "serving.scale",
}
ON_REQUEST = ("compare", "ratio")  # need an older checkout
NEEDS = {"scale": ("ray", "ray")}  # package, and the extra that has it; else left out of all


def main() -> int:
    for name in sys.argv[1:] or [name for name in MODULES if name not in ON_REQUEST]:
        if name not in MODULES:
            print(f"unknown benchmark {name}; expected {', '.join(MODULES)}", file=sys.stderr)
            return 2
        package, extra = NEEDS.get(name, ("ragkit", ""))
        if importlib.util.find_spec(package) is None:
            how = f'pip install "ragkit-search[{extra}]"'
            print(f"{name} needs {package}: {how}", file=sys.stderr)
            if sys.argv[1:]:
                return 2
            continue
        print(f"## {name}: {time.strftime('%Y-%m-%d')}, Python {platform.python_version()}")
        importlib.import_module(f"bench.{MODULES[name]}").main()
    return 0


sys.exit(main())
