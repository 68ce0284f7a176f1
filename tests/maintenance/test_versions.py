"""The versions in a report are those of the libraries that run."""

import sqlite3
import sys

import numpy
import tantivy

import ragkit
from ragkit.maintenance.versions import PACKAGES, versions


def test_versions_are_those_of_the_libraries():
    found = versions()
    assert found["ragkit"] == ragkit.__version__
    assert found["numpy"] == numpy.__version__
    assert found["sqlite"] == sqlite3.sqlite_version
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert found["tantivy"] in tantivy.__version__
    assert "faiss" in found
    assert "onnxruntime" in found


def test_a_library_that_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(PACKAGES, "other", "no-such-library-is-installed")
    assert versions()["other"] == "not installed"
