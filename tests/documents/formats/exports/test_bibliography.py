"""Bibliographies: a document per entry in BibTeX, RIS and CSL JSON."""

import json

import pytest

from ragkit.documents.read import read_all

BIBTEX = r"""% a comment
@string{tois = "ACM TOIS"}
@article{bruch2023,
  author = {Bruch, Sebastian and Gai, Siyu and M{\"u}ller, {J.}},
  title = "An {Analysis} of \emph{Fusion} Functions",
  journal = tois # " 42", year = 2023, month = dec,
  abstract = {We study {nested {braces}}.}, doi = {10.1145/3596512}, keywords = {fusion, search}
}
@comment{ignored}
@book(plain, title = {A Book}, year = "1999")
"""
RIS = """TY  - JOUR
AU  - Bruch, Sebastian
AU  - Gai, Siyu
TI  - An Analysis of Fusion Functions
JO  - ACM TOIS
PY  - 2023/12/05
KW  - fusion
KW  - search
AB  - We study it.
ER  -
TY  - BOOK
TI  - A Book
ER  -
"""
CSL = [
    {"id": "bruch2023", "type": "article-journal", "title": "An Analysis of Fusion Functions",
     "author": [{"family": "Bruch", "given": "Sebastian"}, {"literal": "ACM"}],
     "container-title": "TOIS", "issued": {"date-parts": [[2023, 12]]}, "DOI": "10.1145/3596512"},
    {"id": 2, "type": "book", "title": "A Book", "issued": {"raw": "1999"}},
]  # fmt: skip


def records(data, name):
    return {record.name: record.document for record in read_all(data.encode(), name)}


def test_bibtex():
    entries = records(BIBTEX, "refs.bib")
    assert set(entries) == {"bruch2023", "plain"}
    document = entries["bruch2023"]
    assert document.title == "An Analysis of Fusion Functions"
    assert document.text == (
        "An Analysis of Fusion Functions\n\n"
        "Sebastian Bruch, Siyu Gai, J. Müller. ACM TOIS 42. 2023-12\n\n"
        "We study nested braces.\n\nKeywords: fusion, search\n\nhttps://doi.org/10.1145/3596512"
    )
    assert document.metadata == {
        "from": "Sebastian Bruch, Siyu Gai, J. Müller", "date": "2023-12",
        "type_of_work": "article", "doi": "10.1145/3596512", "tags": "fusion, search",
    }  # fmt: skip
    assert entries["plain"].metadata["date"] == "1999"


def test_ris():
    entries = records(RIS, "refs.ris")
    assert set(entries) == {"1", "2"}
    assert entries["1"].metadata == {
        "from": "Sebastian Bruch, Siyu Gai", "date": "2023-12-05", "type_of_work": "jour",
        "tags": "fusion, search",
    }  # fmt: skip
    assert entries["2"].text.startswith("A Book")


def test_csl():
    entries = records(json.dumps(CSL), "refs.json")
    assert set(entries) == {"bruch2023", "2"}
    assert entries["bruch2023"].metadata["from"] == "Sebastian Bruch, ACM"
    assert entries["bruch2023"].metadata["date"] == "2023-12"
    assert entries["2"].metadata["date"] == "1999"


@pytest.mark.parametrize("name", ["a.bib", "a.ris"])
def test_a_file_without_entries_is_text(name):
    assert records("Just words.", name)[""].text == "Just words."


def test_bibtex_entries_with_odd_keys_and_signs_are_kept():
    data = (
        "@article{, title={Keyless}}\n@article{smith 2020, title={Spaced}; abstract={Kept}}\n"
        "@misc{path, file={C:\\docs\\}, title={A path}}\n"
    )
    entries = records(data, "a.bib")
    assert set(entries) == {"1", "smith 2020", "path"}
    assert entries["smith 2020"].text == "Spaced\n\nKept"
    assert entries["path"].title == "A path"


def test_a_bibtex_value_without_end_ends_before_the_next_entry():
    entries = records("@article{a, file={x, title={One}\n@book{b, title={Two}}", "a.bib")
    assert entries["a"].text == "file: x, title=One"
    assert entries["b"].text == "Two"


def test_fields_of_biblatex():
    data = (
        "@article{a, author={Roe, J}, editor={Poe, E}, title={T}, subtitle={S}, journaltitle={J}}"
    )
    document = records(data, "a.bib")["a"]
    assert document.text == "T: S\n\nJ Roe. J\n\nEditors: E Poe"
    assert document.metadata["from"] == "J Roe"


def test_ris_values_continue_on_the_next_lines():
    data = (
        "TY  - JOUR\nTI  - A title\n  that continues\nAB  - First\nsecond\nKW  - a\nb\n"
        "N1  - one\nN1  - two\nSP  - 1\nEP  - 9\nER  - \n"
    )
    document = records(data, "a.ris")["1"]
    assert document.text == (
        "A title that continues\n\n1-9\n\nFirst second\n\nKeywords: a, b\n\none\n\ntwo"
    )
    assert document.metadata["tags"] == "a, b"


def test_csl_of_crossref_has_lists_of_titles_and_dates_in_words():
    items = [
        {"type": "journal-article", "title": ["Fusion"], "container-title": ["TOIS"],
         "issued": {"date-parts": [[None]]}},
        {"type": "book", "title": "B", "issued": {"literal": "ca. 1999"}},
    ]  # fmt: skip
    entries = records(json.dumps(items), "a.json")
    assert entries["1"].text == "Fusion\n\nTOIS"
    assert "date" not in entries["1"].metadata
    assert entries["2"].text == "B\n\nca. 1999"
    assert entries["2"].metadata["date"] == "1999"
