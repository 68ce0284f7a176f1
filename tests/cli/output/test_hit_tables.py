"""Hits as CSV, Markdown, paths and editor lines, and that `get` accepts whatever is printed."""

import csv
import io
import re
import zipfile
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from ragkit import Collection, UsageError
from ragkit.cli.output import hit_tables, render
from ragkit.cli.output.terminal import printable_record, to_printable


@pytest.fixture
def hits(collection, folder):
    """All passages of two roots with the same paths, in formats with lines, pages and records."""
    other = folder.parent / "archive" / "notes"
    other.mkdir(parents=True)
    (other / "keys.md").write_text("# Keys\n\nÄrger with keys. Other keys are in the vault.\n")
    with zipfile.ZipFile(other / "old.zip", "w") as archive:
        archive.writestr("a/keys.md", "Old keys of the vault.\n")
    (folder / "page.html").write_text("<h1>Vault</h1><p>The vault has keys.</p>")
    (folder / "deep" / "er" / "and" / "deeper").mkdir(parents=True)
    (folder / "deep/er/and/deeper/a file with a long name.txt").write_text("Keys, again.\n")
    collection.index([folder, other])
    return collection.search("keys of the vault", k=100)


def references(hit, working_folder):
    """Everything by which the program shows where a hit is."""
    shown = printable_record(hit)
    yield hit.citation
    yield str(hit.passage_id)
    yield render.format_place(shown)
    for width in (70, 30):
        yield render.format_place(shown, width)
    yield hit_tables.format_paths([hit], working_folder)
    yield re.match(r"(.*?:\d+:\d+):", hit_tables.format_editor_lines([hit], [3], working_folder))[1]
    ((row, *_),) = [list(csv.DictReader(io.StringIO(hit_tables.format_csv([hit]))))]
    yield row["citation"].removeprefix("'")
    yield re.match(r"1\. (`+) ?(.*?) ?\1", hit_tables.format_markdown([replace(hit, rank=1)]))[2]


def assert_leads_to(collection, reference, hit):
    try:
        excerpt = collection.get(reference)
    except UsageError as error:  # shortened, and then like another: both are named
        assert "…" in reference
        assert f"{hit.root}/{hit.path}" in str(error)
    else:
        assert (excerpt.root, excerpt.path) == (hit.root, hit.path), reference


def test_get_accepts_everything_that_is_printed(collection, hits, monkeypatch):
    assert len(hits) == 8
    for hit in hits:
        monkeypatch.chdir(hit.root)
        for reference in references(hit, hit.root):
            assert_leads_to(collection, reference, hit)
        assert hit.text in collection.get(hit.citation).text
        assert collection.get(hit.citation).citation == hit.citation


@settings(max_examples=15)
@given(
    names=st.lists(
        st.text("aé#:,.0 \n\u202e\x1b–…-", min_size=1, max_size=12).filter(
            lambda name: not name.startswith(".") and not name.isspace()
        ),
        min_size=2,
        max_size=4,
        unique_by=to_printable,
    )
)
def test_whatever_files_are_called_their_citations_lead_to_them(
    tmp_path_factory, encoder, monkeypatch, names
):
    folder = tmp_path_factory.mktemp("names")
    for root in ("one", "two"):
        for number, name in enumerate(names):
            (folder / root / name).mkdir(parents=True)
            text = f"Keys of {root} {number}.\nKeys again.\n"  # no two files have the same text
            (folder / root / name / f"{name}.txt").write_text(text)
    monkeypatch.chdir(folder)
    with Collection(folder / "kit", encoder=encoder) as collection:
        collection.index([folder / "one", folder / "two"])
        for hit in collection.search("keys", k=100):
            for reference in references(hit, str(folder)):
                assert_leads_to(collection, reference, hit)


def test_roots_are_named_only_where_paths_are_ambiguous(hits):
    citations = {hit.citation for hit in hits}
    assert {"sub/cats.txt#L1", "old.zip/a/keys.md#L1"} <= citations
    assert any(citation.startswith("archive/notes/keys.md#") for citation in citations)
    assert all(hit.path in hit.citation for hit in hits)
    assert not any(citation.startswith("keys.md") for citation in citations)


def test_csv_is_read_back_and_nothing_in_it_is_a_formula(hits):
    evil = replace(hits[0], text='=HYPERLINK("http://x")\n"quoted", text', title="@SUM(1)")
    rows = list(csv.DictReader(io.StringIO(hit_tables.format_csv([evil, *hits[1:]]))))
    assert len(rows) == len(hits)
    assert rows[0]["text"] == '\'=HYPERLINK("http://x")\n"quoted", text'
    assert rows[0]["title"] == "'@SUM(1)"
    assert [float(row["score"]) for row in rows] == [hit.score for hit in hits]
    assert rows[1]["citation"] == hits[1].citation
    assert hit_tables.format_csv([]).startswith("rank,score,citation,")


@pytest.mark.parametrize(
    "text",
    [
        "![x](http://evil.example/a.png) <script>alert(1)</script>",
        "# heading\n\n- item\n1. one\n> quote\n```\ncode\n```",
        "1. one | two | *bold* _it_ ~gone~ `code` [link](x) &amp;",
        "- a",
        "<!-- hidden -->",
    ],
)
def test_markdown_shows_documents_as_text(hits, text):
    hit = replace(hits[0], text=text, heading=("A *b*", "[c](d)"), rank=10)
    html = MarkdownIt("commonmark").enable("table").render(hit_tables.format_markdown([hit]))
    assert set(re.findall(r"<(\w+)", html)) == {"ol", "li", "p", "code", "blockquote"}
    plain = re.sub(r"<[^>]+>", "", html)
    for code, sign in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&")):
        plain = plain.replace(code, sign)
    assert " ".join(text.split()) in plain
    assert "A *b* › [c](d)" in plain


def test_markdown_numbers_the_hits_by_rank(hits):
    text = hit_tables.format_markdown(hits)
    assert re.findall(r"^(\d+)\. `", text, re.MULTILINE) == [str(hit.rank) for hit in hits]


def test_paths_are_listed_once_and_relative_to_the_working_folder(hits, folder):
    paths = hit_tables.format_paths(hits, str(folder)).split("\n")
    assert len(paths) == len(set(paths)) == 7
    assert "sub/cats.txt" in paths
    assert str(folder.parent / "archive/notes/keys.md") in paths


def test_editor_lines_have_line_and_column(hits, folder):
    by_path = {hit.path: hit for hit in hits}
    (line,) = hit_tables.format_editor_lines([by_path["leave.txt"]], [5], str(folder)).split("\n")
    assert line == "leave.txt:1:5:Parents may stay at home for half a year."
    paged = replace(by_path["leave.txt"], start_line=None, locator="page=3")
    assert hit_tables.format_editor_lines([paged], [1], str(folder)) == (
        "leave.txt:1:1:(page=3) Parents may stay at home for half a year."
    )
