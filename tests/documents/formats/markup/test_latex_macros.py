"""LaTeX as it is set: macros, accents, units, footnotes; nothing after the end."""

import pytest

from ragkit.documents.formats.markup.latex import read_latex


def read(body, preamble=""):
    source = f"{preamble}\\begin{{document}}{body}\\end{{document}}\nafter the end"
    return read_latex(source.encode(), "a.tex")


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (r"caf\'e M\"unchen na\"{\i}ve \v{c}aj \c{c}a", "café München naïve čaj ça"),
        (r"\~n stra\ss e", "ñ straße"),
        (r"\SI{12}{\bar}, \qty{3}{\litre\per\minute}, \num{5}", "12 bar, 3 litre/minute, 5"),
        (r"a \iffalse hidden \fi b", "a  b"),
        (r"bearings\footnote{both of them} run", "bearings [both of them] run"),
        (r"Part & Use \\ \hline Oil & \multicolumn{1}{c}{only} \\", "Part | Use Oil | only"),
        ("\\section{\\texorpdfstring{Oil \\emph{change}}{Oil change}}", "Oil change"),
    ],
)  # fmt: skip
def test_text_is_read_as_it_is_set(body, text):
    assert " ".join(read(body).text.split()) == " ".join(text.split())


def test_macros_of_the_file_are_expanded():
    preamble = (
        "\\newcommand{\\product}{Falcon 9000}\n\\def\\maker{Brno Works}\n"
        "\\newcommand{\\warn}[1]{\\textbf{Warning: #1}}\n"
    )
    document = read("\\section{The \\product{} pump}\n\\warn{hot} by \\maker, \\products", preamble)
    assert [heading.text for heading in document.headings] == ["The Falcon 9000 pump"]
    assert document.text.strip().endswith("Warning: hot by Brno Works, \\products")
    assert "after the end" not in document.text


def test_macros_that_grow_without_limit_end():
    preamble = "".join(
        f"\\newcommand{{\\m{chr(97 + n)}}}{{\\m{chr(98 + n)}\\m{chr(98 + n)}}}\n" for n in range(20)
    )
    assert len(read("\\ma", preamble).text) < 10_000
