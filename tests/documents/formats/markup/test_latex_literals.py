r"""LaTeX: code, addresses and formulas as they stand; comments."""

import pytest

from ragkit.documents.formats.markup.latex import read_latex


def parse(text):
    return read_latex(text.encode(), "a.tex")


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (r"\href{https://x.org/a%20b%2Fc}{the handbook} says. % no", "the handbook says."),
        (r"\href{https://x.org/a\%20b}{one} and \href{https://x.org/{a}}{two}", "one and two"),
        (r"see \url{https://x.org/a%20b_c\#d}. % no", "see https://x.org/a%20b_c#d."),
        (r"\verb|a%b_c \foo{x}| and \verb*!a~b!", r"a%b_c \foo{x} and a~b"),
        (r"\lstinline[language=C]|p % q| \mintinline{python}{x % y}", "p % q x % y"),
        (r"\lstinline{f(a, b)} \textbf{\verb+--+}", "f(a, b) --"),
        (r"\verbatiminput{a} \verb", r"\verbatiminput{a} \verb"),
        (
            r"5\,\% of \$3, $a_{b} \% c$ and \(\alpha\, x\)",
            r"5 % of $3, $a_{b} \% c$ and \(\alpha\, x\)",
        ),
        (r"costs $5 or more, \textbf{at least}", "costs $5 or more, at least"),
        ("\\[\n \\frac{1}{2}\\,x\n\\]", "\\[\n \\frac{1}{2}\\,x\n\\]"),
        ("a \U000f0000 b", "a \U000f0000 b"),
        ("before \\begin{comment} x\ny \\end{comment} after", "before\n after"),
    ],
)
def test_code_addresses_and_formulas_stay(source, text):
    assert parse(source).text == text


def test_commands_in_listings_are_no_commands():
    listing = "\\begin{verbatim}\n\\end{document} % \\'e \\ss\n\\section{No}\n\\end{verbatim}"
    source = f"\\begin{{document}}\n{listing}\nAfter \\emph{{it}}.\n\\end{{document}}\nno"
    assert parse(source).text.strip("\n") == f"{listing}\nAfter it."
    assert parse(r"\begin{verbatim} a \end{verbatim} b").text == (
        r"\begin{verbatim} a \end{verbatim} b"
    )


def test_a_comment_ends_no_document_and_defines_nothing():
    source = "% \\newcommand{\\x}{no}\n% \\end{document}\n\\newcommand{\\y}{yes}\n\\x{} \\y{}"
    assert parse(source).text.endswith("\\x{} yes")


def test_every_formula_of_a_long_paper_stays():
    text = "$x$ " * 70_000
    assert parse(text + "\n" + text).text.count("$x$") > 130_000


def test_addresses_that_never_end_stay():
    text = "\\url{" * 50_000
    assert parse(text).text == text


@pytest.mark.parametrize("opening", ["$", "\\(", "\\["])
def test_a_formula_that_never_ends_hides_no_later_one(opening):
    text = f"{opening} a\n\n\\(\\alpha\\,\\) \\[\\beta\\,\\] $\\gamma\\,$ b\\,c"
    assert parse(text).text == f"{text[:-4]}b c"
