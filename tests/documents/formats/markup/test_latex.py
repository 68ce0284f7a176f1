r"""LaTeX: sections, verbatim blocks, comments, and commands that only affect the layout."""

import pytest

from ragkit.documents.formats.markup.latex import read_latex

GUIDE = r"""\documentclass{article}
\title{The \emph{Guide}}
\author{Ann Berg \and Bo}
\begin{document}
\section{Start \emph{here}}\label{s}
Words \textbf{in \emph{bold}}. % a comment
100\% true~here
% only a comment
\begin{verbatim}
\section{not a section} % kept
\end{verbatim}
\begin{itemize}
\item One
\end{itemize}
\subsection[short]{A {long}
 one}
\end{document}
"""


def headings(document):
    return [(heading.level, heading.text) for heading in document.headings]


def fences(document):
    return [document.text[start:end] for start, end in document.fences]


def parse(text):
    return read_latex(text.encode(), "a.tex")


def test_sections_and_verbatim_blocks_of_a_document():
    document = parse(GUIDE)
    assert headings(document) == [(1, "Start here"), (2, "A long one")]
    verbatim = "\\begin{verbatim}\n\\section{not a section} % kept\n\\end{verbatim}"
    assert fences(document) == [verbatim]
    assert (document.title, document.metadata) == ("The Guide", {"author": "Ann Berg, Bo"})


def test_each_line_of_the_source_is_a_line_of_text():
    lines = parse(GUIDE).text.split("\n")
    assert lines[:8] == ["", "", "", "", "Start here", "Words in bold.", "100% true here", ""]
    assert lines[12] == "- One"


def test_the_document_may_begin_on_the_line_of_its_preamble():
    document = parse(r"\documentclass{article}\begin{document}\section{Spines}Many." + "\nSharp.")
    assert document.text == "Spines Many.\nSharp."
    assert headings(document) == [(1, "Spines")]


def test_a_part_of_a_document_has_no_preamble():
    assert parse("Only \\emph{words}.\n").text == "Only words.\n"


def test_levels_are_numbered_without_gaps():
    sections = "\\chapter{A}\n\\subsection*{B}\n\\paragraph{C}\n\\chapter{D}\n"
    assert headings(parse(sections)) == [(1, "A"), (2, "B"), (3, "C"), (1, "D")]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (r"50\% of \$3 \& \#1 a\_b", "50% of $3 & #1 a_b"),
        (r"pages 3--5---all", "pages 3–5—all"),
        ("``quoted'' text", "“quoted” text"),
        (r"see \href{https://x.org}{the site}.", "see the site."),
        (r"line\\% comment", "line"),
        (r"$a^2 + b^2$", "$a^2 + b^2$"),
        (r"\item[Key] value", "- Key value"),
        (r"\noindent\large Words\footnote{Note.}", "Words [Note.]"),
        (r"\includegraphics[width=3cm]{a.png}\caption{A tree}", "A tree"),
        (r"\textbf{\emph{\texttt{deep}}}", "deep"),
    ],
)
def test_commands_that_only_affect_the_layout_are_removed(source, text):
    assert parse(source).text.split() == text.split()


def test_a_comment_environment_is_dropped():
    document = parse("a\n\\begin{comment}\nb\n\\end{comment}\nc")
    assert document.text == "a\n\n\n\nc"
    assert fences(document) == []


def test_a_title_in_a_comment_does_not_count():
    assert parse("% \\title{Old}\n\\title{New}\n").title == "New"
    assert parse("no title").title is None


def test_a_brace_that_is_never_closed_ends_a_heading_at_the_line():
    document = parse("\\section{Open\nwords\n")
    assert headings(document) == [(1, "Open")]
    assert document.text == "Open\nwords\n"


def test_a_very_long_line_is_left_as_it_is():
    line = r"\emph{a} " * 12_000
    assert parse(line).text == line
