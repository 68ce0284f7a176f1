r"""Formulas of several lines: `&` and `\\` only align. Expected values: what the page shows."""

import pytest

from ragkit.documents.formats.markup.latex import read_latex
from ragkit.documents.formats.markup.latex_alignment import without_alignment


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (
            "\\begin{align}\na &= b + c \\\\\n"
            "d & \\leq e \\nonumber \\\\[2pt]\nf &= 3\n\\end{align}",
            "a = b + c\nd \\leq e\nf = 3",
        ),
        ("\\begin{eqnarray*}\na & = & b \\\\\nc & = & d\n\\end{eqnarray*}", "a = b\nc = d"),
        ("\\begin{gather} a = b \\\\ c = d \\end{gather}", "a = b; c = d"),
        ("\\begin{equation}\nE = mc^2 \\label{eq:e}\n\\end{equation}", "E = mc^2"),
        (
            "\\[ f = \\begin{cases} 1 & x > 0 \\\\ 0 & x < 0 \\\\ \\end{cases} \\]",
            "\\[ f = ( 1, x > 0; 0, x < 0) \\]",
        ),
        ("$\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}$", "$(1, 2; 3, 4)$"),
        ("$\\begin{array}{rl}1 & 2\\end{array}$", "$(1, 2)$"),
        ("$\\begin{array}[t]{@{}l@{}}1 & 2\\end{array}$", "$(1, 2)$"),
        ("$\\begin{pmatrix*}[r]-1 & 2\\end{pmatrix*}$", "$(-1, 2)$"),
        ("$\\begin{cases*}1 & if so\\\\0 & else\\end{cases*}$", "$(1, if so; 0, else)$"),
        ("$\\left(\\begin{array}{cc}1 & 2\\end{array}\\right)$", "$\\left(1, 2\\right)$"),
        ("$\\leftarrow\\begin{array}{c}1 & 2\\end{array}$", "$\\leftarrow(1, 2)$"),
        ("$\\begin{aligned}[t]a &= b\\end{aligned}$", "$a = b$"),
        ("$\\begin{pmatrix}[1] & 2\\end{pmatrix}$", "$([1], 2)$"),
        ("\\[\\begin{aligned} a &= b \\end{aligned}\\]", "\\[ a = b \\]"),
        ("\\begin{tabular}{ll}\nA & B \\\\\nC & D\n\\end{tabular}", "A | B\nC | D"),
        ("R\\&D \\begin{align} a \\& b &= c \\end{align} & x", "R&D  a & b = c | x"),
    ],
)
def test_formulas_keep_their_relations(source, text):
    assert read_latex(source.encode(), "a.tex").text.strip() == text


def test_lines_stay_lines():
    source = "\\begin{align}\na &= b \\\\\n\nc & d\n\\begin{cases}\n1 & 2 \\\\\n3\n\\end{cases}\n"
    assert without_alignment(source).count("\n") == source.count("\n")


def test_an_environment_without_an_end_ends_with_its_paragraph():
    assert without_alignment("\\begin{align} a & b\n\nA & B") == "\\begin{align} a b\n\nA & B"


def test_notes_are_no_part_of_title_and_authors():
    source = rb"""\title{On \emph{Pumps}\thanks{Supported by {grant} 7.} and Oil}
\author{Ada Lovelace\thanks{Rome} \and Bob Roe\footnote{Paris}}
\begin{document}\maketitle Text\end{document}"""
    document = read_latex(source, "a.tex")
    assert (document.title, document.metadata["author"]) == (
        "On Pumps and Oil",
        "Ada Lovelace, Bob Roe",
    )
