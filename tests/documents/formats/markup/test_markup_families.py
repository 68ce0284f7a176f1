"""AsciiDoc, Org and LaTeX: headings, fences, titles; the text stays as it is, line by line."""

from ragkit.documents import read

ASCIIDOC = """= The Guide
Ann Berg
:author: Ann Berg

// not said
Opening words.

== Start *here*

[source,python]
----
== no section
----

////
gone
////
=== Below <<a,there>>

Old style
---------
Words.
"""
ORG = """#+TITLE: The Guide
#+AUTHOR: Ann Berg
# not said
* TODO [#A] Start :tag:
:PROPERTIES:
:ID: 7
:END:
Words.
** Below [[https://x.org][there]]
#+BEGIN_SRC python
* no headline
#+END_SRC
"""
LATEX = r"""\documentclass{article}
\title{The \emph{Guide}}
\author{Ann Berg \and Bo}
\begin{document}
\section{Start \emph{here}}\label{s}
Words \textbf{in \emph{bold}}. % a comment
100\% true~here
% nothing else
\begin{verbatim}
\section{no section} % kept
\end{verbatim}
\begin{itemize}
\item One
\end{itemize}
\subsection[short]{A {long}
 one}
\end{document}
"""


def headings(document):
    return [(each.level, each.text) for each in document.headings]


def fences(document):
    return [document.text[start:end] for start, end in document.fences]


def test_asciidoc():
    document = read(ASCIIDOC.encode(), "a.adoc")
    assert headings(document) == [
        (1, "The Guide"),
        (2, "Start here"),
        (3, "Below there"),
        (2, "Old style"),
    ]
    assert fences(document) == ["----\n== no section\n----"]
    lines = document.text.split("\n")
    assert (lines[4], lines[5], lines[15], lines[21]) == ("", "Opening words.", "", "Words.")
    assert (document.title, document.metadata) == ("The Guide", {"author": "Ann Berg"})


def test_org():
    document = read(ORG.encode(), "a.org")
    assert headings(document) == [(1, "Start"), (2, "Below there")]
    assert fences(document) == ["#+BEGIN_SRC python\n* no headline\n#+END_SRC"]
    lines = document.text.split("\n")
    assert lines[2:8] == ["", "* TODO [#A] Start :tag:", "", "", "", "Words."]
    assert (document.title, document.metadata) == ("The Guide", {"author": "Ann Berg"})


def test_latex():
    document = read(LATEX.encode(), "a.tex")
    assert headings(document) == [(1, "Start here"), (2, "A long one")]
    assert fences(document) == ["\\begin{verbatim}\n\\section{no section} % kept\n\\end{verbatim}"]
    lines = document.text.split("\n")
    assert lines[:8] == ["", "", "", "", "Start here", "Words in bold.", "100% true here", ""]
    assert lines[12] == "- One"
    assert (document.title, document.metadata) == ("The Guide", {"author": "Ann Berg , Bo"})


def test_a_latex_document_that_begins_on_the_line_of_its_preamble():
    document = read(
        rb"\documentclass{article}\begin{document}\section{Spines}Many." + b"\nSharp.", "a.tex"
    )
    assert document.text == "Spines Many.\nSharp."
    assert headings(document) == [(1, "Spines")]


def test_a_part_of_a_latex_document_has_no_preamble():
    assert read(b"Only \\emph{words}.\n", "a.tex").text == "Only words.\n"
