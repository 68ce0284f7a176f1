r"""LaTeX: what commands of the layout show."""

import pytest

from ragkit.documents.formats.markup.latex import read_latex
from ragkit.documents.formats.markup.latex_commands import strip_commands


def parse(text):
    return read_latex(text.encode(), "a.tex")


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (r"{\bfseries bold} {\em old} {\large\textbf{Big}}", "bold old Big"),
        (r"\textcolor{red}{hot} \hyperref[sec:x]{the section}", "hot the section"),
        (r"10\textsuperscript{3} m\textsuperscript{2} H\textsubscript{2}O", "10^3 m² H2O"),
        (r"see \cref{fig:a}, Section~\ref{s}", "see [fig:a], Section [s]"),
        (r"\cite{x}, \autocite[12]{a} \parencite[see][9]{roe}", "[x], [a, 12] [see roe, 9]"),
        (r"\caption[Short]{Flow of the pump}\marginpar{note}", "Flow of the pump [note]"),
        (r"10\,\% a\;b\ c \S~5 \LaTeX{} \dots", "10 % a b c § 5 LaTeX …"),
        (r"\begin{tabular}{l|p{3cm}} A & B \\ \hline C & D \\[2pt] \end{tabular}", "A | B C | D"),
        (r"\begin{tabularx}{\textwidth}{|l|X|} A & B \end{tabularx}", "A | B"),
        (r"\begin{minipage}[t]{0.5\textwidth} Words \end{minipage}", "Words"),
        (r"\begin{figure}[htb]\centering Words\end{figure}", "Words"),
        (r"\begin{theorem}[Euler] It holds. \end{theorem}", "(Euler) It holds."),
        (r"\begin{thebibliography}{9}\bibitem{a} Roe. \bibitem[B]{b} Doe", "- [a] Roe. - [B] Doe"),
        (r"\input{missing} a \include{b/c} \input other", "a"),
        (r"\unknown{stays} \og mot\fg{}", r"\unknown{stays} « mot »"),
    ],
)  # fmt: skip
def test_what_is_shown(source, text):
    assert parse(source).text.split() == text.split()


def test_an_argument_may_span_lines_which_stay():
    document = parse("One \\emph{of\nmany} words.\\footnote{Not\nall.} End\n\\section{Next}\n")
    assert document.text == "One of\nmany words. [Not\nall.] End\nNext\n"
    assert [heading.text for heading in document.headings] == ["Next"]


@pytest.mark.parametrize(
    ("source", "text"),
    [  # as TeX sets them
        (r"see \hyperlink{a}{\textbf{[1]}} and \hypertarget{b}{here}", "see [1] and here"),
        (r"\foreignlanguage{german}{\textquotedbl{}Gut\textquotedbl{}} so", '"Gut" so'),
        (r"\makebox[\linewidth][c]{wide} \raisebox{1em}{up} \scalebox{.5}{small}", "wide up small"),
        (r"\phantomsection\pdfbookmark[1]{Contents}{toc}Text", "Text"),
        (r"\multicolumn{2}{p{0.15\linewidth}}{both} & c", "both | c"),
    ],
)
def test_boxes_links_and_signs(source, text):
    assert strip_commands(source) == text
