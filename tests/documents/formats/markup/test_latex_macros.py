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


def test_optional_arguments_and_macros_in_macros():
    preamble = (
        "\\newcommand{\\inner}[1]{<#1>}\n\\newcommand{\\outer}[2][one]{\\inner{#1} \\inner{#2}}\n"
    )
    assert read("\\outer{a}, \\outer[b]{c}", preamble).text.split("\n")[-1] == "<one> <a>, <b> <c>"


def test_terms_of_the_glossary_are_written():
    preamble = (
        "\\newacronym{npsh}{NPSH}{net positive suction head}\n"
        "\\newglossaryentry{pump}{name={pump}, description={moves water}}\n"
    )
    body = "\\gls{npsh}, \\acrlong{npsh}, \\acrfull{npsh}, \\Glspl{pump}, \\gls{other}"
    assert read(body, preamble).text.split("\n")[-1] == (
        "NPSH, net positive suction head, net positive suction head (NPSH), Pumps, other"
    )
