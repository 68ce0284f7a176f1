"""The versions that a word index depends on."""

from importlib import metadata

from ragkit.analysis import ANALYSIS_VERSION
from ragkit.analysis.libraries import LIBRARIES, analysis_versions, changed_versions


def test_the_versions_are_those_of_the_installed_libraries():
    expected = [f"analysis {ANALYSIS_VERSION}"]
    expected += [f"{library} {metadata.version(library)}" for library in LIBRARIES]
    assert analysis_versions() == ", ".join(expected)


def test_what_changed_is_named():
    version = metadata.version("tantivy")
    stored = analysis_versions().replace(f"tantivy {version}", "tantivy 0.1")
    assert changed_versions(stored) == f"tantivy 0.1, now {version}"
    assert changed_versions(analysis_versions()) == ""
