"""The boundaries inside storage/: SQL only in sqlite/, and each folder knows its own data only."""

import ast
import re
from pathlib import Path

import pytest

import ragkit

PACKAGE = Path(ragkit.__file__).parent
STORAGE = PACKAGE / "storage"
SQL = re.compile(
    r"\s*(SELECT\b.*\bFROM\b|INSERT (OR \w+ )?INTO\b|DELETE FROM\b|UPDATE \w+ SET\b|"
    r"CREATE (TABLE|INDEX|TRIGGER)\b|PRAGMA \w+|BEGIN IMMEDIATE)",
    re.DOTALL,
)
MAY_IMPORT = {  # folder → what it may import of ragkit, and of other packages
    "vectors": (
        "ragkit.errors",
        "ragkit.storage.atomic_files",
        "ragkit.storage.collection_files",
        "ragkit.storage.vectors",
    ),
    "lexical": (
        "ragkit.analysis",
        "ragkit.errors",
        "ragkit.storage.atomic_files",
        "ragkit.storage.collection_files",
        "ragkit.storage.lexical",
    ),
    "sqlite": (
        "ragkit.errors",
        "ragkit.records",
        "ragkit.storage.atomic_files",
        "ragkit.storage.collection_files",
        "ragkit.storage.source_files",
        "ragkit.storage.sqlite",
        "ragkit.trust",
        "ragkit.user_dirs",
    ),
}
NOT_IN = {
    "vectors": {"sqlite3", "tantivy"},
    "lexical": {"sqlite3", "faiss"},
    "sqlite": {"faiss", "tantivy"},
}


def modules(folder):
    return [(path, ast.parse(path.read_text())) for path in sorted(folder.rglob("*.py"))]


def imported_names(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "ragkit.storage":
            yield from (f"ragkit.storage.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module


def sql_strings(tree):
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if is_text and id(node) not in docstrings and SQL.match(node.value):
            yield node.value


def executing_calls(tree):
    for node in ast.walk(tree):
        is_method_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if is_method_call and node.func.attr in ("execute", "executemany", "executescript"):
            yield ast.unparse(node)


@pytest.mark.parametrize("text", ["SELECT 1 FROM x", "PRAGMA user_version", "DELETE FROM files"])
def test_the_pattern_recognizes_sql(text):
    assert SQL.match(text)


def test_sql_is_only_in_storage_sqlite():
    outside = [
        (path.relative_to(PACKAGE).as_posix(), statement)
        for path, tree in modules(PACKAGE)
        if STORAGE / "sqlite" not in path.parents
        for statement in [*sql_strings(tree), *executing_calls(tree)]
    ]
    assert outside == []


@pytest.mark.parametrize("folder", sorted(MAY_IMPORT))
def test_a_folder_of_storage_imports_only_what_it_may_know(folder):
    wrong = [
        (path.name, name)
        for path, tree in modules(STORAGE / folder)
        for name in imported_names(tree)
        if (name.startswith("ragkit") and not name.startswith(MAY_IMPORT[folder]))
        or name.partition(".")[0] in NOT_IN[folder]
    ]
    assert wrong == []


def test_storage_does_not_import_what_is_above_it():
    allowed = ("errors", "records", "trust", "user_dirs", "analysis", "storage")
    allowed = tuple(f"ragkit.{name}" for name in allowed)
    wrong = [
        (path.name, name)
        for path, tree in modules(STORAGE)
        for name in imported_names(tree)
        if name.startswith("ragkit.") and not name.startswith(allowed)
    ]
    assert wrong == []
