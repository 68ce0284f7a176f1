"""Typst: content in settings, and variables."""

import pytest

from ragkit.documents.formats.markup.typst import read_typst
from ragkit.documents.formats.markup.typst_code import contents


def read(source):
    return read_typst(source.encode(), "a.typ").text


@pytest.mark.parametrize(
    ("rows", "lines"),
    [
        (["#let note(x) = [Read _this_: #x]"], ["Read _this_: #x"]),
        (["#show: paper.with(", '  title: "Ice", lang: "en",', "  abstract: [It [is]", "cold.],)"],
         ["", "Ice", "It [is]", "cold."]),
        (["#set page(header: [Handbook], footer: context [Page])"], ["Handbook Page"]),
        (["#let f(x) = if x { [yes] } else [no `]` \\]]"], ["yes no `]` \\]"]),
        (['#let a = (1, "[no]", 3) // [no]'], [""]),
    ],
)  # fmt: skip
def test_content_blocks_are_shown(rows, lines):
    assert contents(rows) == lines


def test_variables_are_written_where_they_are_used():
    source = (
        '#let maker = [Brno *Works*]\n#let unused = "Spare"\n#let k = 3\nBy #maker, #k. #makers'
    )
    assert read(source) == "\n\n\nBy Brno Works, #k. #makers"
    assert read("#let maker = [Brno Works]\nWords.") == "Brno Works\nWords."


def test_content_of_several_lines_stays_on_its_lines():
    source = "#let terms = [\n  First _term_.\n\n  Second.\n]\n= Heading #terms\n"
    assert read(source).split("\n") == ["", "First term.", "", "Second.", "", "Heading #terms", ""]


def test_words_of_figures_and_tables_stay():
    source = (
        '#figure(\n  image("a.jpg", width: 70%),\n  caption: [A _glacier_],\n)\n'
        "#table(columns: 2, [Site], [Depth], [North], [12 m])\n"
    )
    assert read(source).split("\n") == ["", "", "A glacier", "", "Site Depth North 12 m", ""]


def test_strings_and_formulas_of_tables_stay_without_names_of_files():
    source = (
        '#table(columns: 2, "Site", text("Depth"), $x^2$, align: "left")\n'
        '#figure(image("a.png", alt: "A glacier"), caption: "In May")\n'
    )
    assert read(source).split("\n") == ["Site Depth $x^2$", "A glacier In May", ""]


def test_a_variable_ends_before_the_full_stop_of_a_sentence():
    source = '#let year = "2024"\nIt was #year. #year.len()'
    assert read(source) == "\nIt was 2024. #year.len()"


def test_a_file_does_not_grow_without_end_by_its_variables():
    source = f"#let a = [{'x' * 900}]\n" + "#a " * 20_000
    assert len(read(source)) < 2 * len(source)
