r"""Commands of LaTeX that only affect the layout → the text that they show.

Works on a source whose comments, code and formulas are taken out (`latex_literals`). Line breaks
stay. Unknown commands stay as they are written. Knows no sections and no macros of the file.
"""

from __future__ import annotations

import re

from ragkit.documents.formats.markup.latex_literals import VERBATIM
from ragkit.documents.layout.scripts import SCRIPT_MARKS, write_scripts

_MAX_LINE_CHARS = 100_000  # a longer line is not edited
_MAX_NESTED_COMMANDS = 6
_SHORT = r"(?:\[[^\[\]\n]{0,300}\])?"  # an optional argument
# Commands that are replaced by their argument, and commands that are removed.
_UNWRAPPED = re.compile(
    r"\\(?:emph|text(?:bf|it|tt|sc|sf|rm|sl|up|md|normal|color\{[^{}\n]{0,80}\})?|underline"
    rf"|[mf]box|caption{_SHORT}|title|author|date|enquote|frametitle|framesubtitle|parbox{_SHORT}"
    r"\{[^{}\n]{0,80}\}|colorbox\{[^{}\n]{0,80}\}|hyperref\[[^\[\]\n]{0,200}\]|st|ul|hl|uppercase"
    r"|lowercase|MakeUppercase|centerline|ensuremath|hyper(?:link|target)\{[^{}\n]{0,200}\}"
    r"|foreignlanguage\{[^{}\n]{0,40}\}|(?:make|frame)box(?:\[[^\[\]\n]{0,80}\]){0,2}"
    r"|raisebox\{[^{}\n]{0,40}\}(?:\[[^\[\]\n]{0,40}\]){0,2}|scalebox\{[^{}\n]{0,40}\}"
    r"|resizebox\{[^{}\n]{0,40}\}\{[^{}\n]{0,40}\})\*?\{([^{}]*)\}"
)
_FOOTNOTE = re.compile(
    rf"[ ]?\\(?:footnote(?:text)?|marginpar|sidenote|thanks){_SHORT}\{{([^{{}}]*)\}}"
)
_RAISED = re.compile(r"\\text(super|sub)script\{([^{}\n]{0,200})\}")
_GROUP = re.compile(r"(?<![\\A-Za-z0-9}\]^_*$])\{([^{}]*)\}")
_CELLS = re.compile(r"[ \t]{0,9}(?<!\\)&[ \t]{0,9}")
_ROW_END = re.compile(r"[ \t]{0,9}\\\\\*?(?:\[[^\[\]\n]{0,20}\])?[ \t]*")
_MULTICOLUMN = re.compile(
    r"\\multi(?:column|row)\{[^{}\n]{0,20}\}\{(?:[^{}\n]{0,40}|[a-z]\{[^{}\n]{0,80}\})\}\{([^{}]*)\}"
)
_LINK = re.compile(r"\\href\{\}\{([^{}]*)\}")
# Sources are read without what they refer to: "see [sec:oil]" is what is known.
_REFERENCE = re.compile(
    rf"\\(?:[Cc]|auto|eq|name|page|v|C?pageref|label)?ref(?:range)?\*?{_SHORT}\{{([^{{}}\n]{{1,300}})\}}"
    r"|\\[A-Za-z]{0,12}cite[a-z]{0,12}\*?(?:\[(?P<before>[^\[\]\n]{0,200})\])?"
    r"(?:\[(?P<place>[^\[\]\n]{0,200})\])?\{(?P<keys>[^{}\n]{1,300})\}"
)
_ENTRY = re.compile(r"\\bibitem(?:\[([^\[\]\n]{1,200})\])?\{([^{}\n]{0,200})\}[ \t]{0,9}")
_COLUMNS = r"\{(?:[^{}\n]|\{[^{}\n]{0,80}\}){0,300}\}"  # of a table, with one level of braces
_ENVIRONMENT = re.compile(
    rf"\\begin\{{(?:tabular|array|longtable|supertabular|tblr|longtblr|minipage|thebibliography"
    rf"|multicols|wraptable){_SHORT}\*?\}}{_SHORT}(?:{_COLUMNS})?"
    rf"|\\begin\{{(?:tabular[xy*]|tabulary|xltabular|wrapfigure)\}}{_SHORT}(?:{_COLUMNS}){{0,2}}"
    r"|\\begin\{(?:theorem|lemma|proposition|corollary|definition|example|exercise|remark|proof"
    r"|claim|conjecture|axiom|problem|question|solution|note|warning|tip)\*?\}"
    r"\[(?P<name>[^\[\]\n]{1,200})\]"
)
_REMOVED = re.compile(
    r"\\(?:label|index|glossary|vspace|hspace|includegraphics|bibliographystyle|bibliography"
    r"|input|include|subfile|addbibresource|pagestyle|thispagestyle|setcounter|addtocounter"
    r"|setlength|addtolength|usepackage|hypersetup|pagenumbering|phantom|hphantom|vphantom"
    r"|color|selectlanguage|nocite|pdfbookmark)\*?(?:\[[^\[\]\n]{0,200}\]){0,2}\{[^{}\n]{0,300}\}"
    r"(?:(?<=\})\{[^{}\n]{0,100}\})?"
    rf"|\\(?:begin|end)\{{(?!{VERBATIM}\}})[A-Za-z*]{{1,40}}\}}(?:\[[^\[\]\n]{{0,200}}\])?"
    r"|\\input[ ][\w./-]{1,200}"
    r"|\\(?:hline|toprule|midrule|bottomrule|endhead|endfirsthead|endfoot|endlastfoot|maketitle"
    r"|tableofcontents|listoffigures|listoftables|printbibliography|printindex|appendix"
    r"|frontmatter|mainmatter|backmatter|clearpage|cleardoublepage|newpage|pagebreak|linebreak"
    r"|centering|raggedright|raggedleft|noindent|indent|tiny|scriptsize|footnotesize|small"
    r"|normalsize|large|Large|LARGE|huge|Huge|bfseries|itshape|ttfamily|sffamily|rmfamily|scshape"
    r"|slshape|upshape|mdseries|normalfont|bf|it|tt|sf|rm|sc|sl|em|bigskip|medskip|smallskip|par"
    r"|hfill|vfill|footnotemark|protect|ignorespaces|sloppy|allowbreak|nobreak|relax|today"
    r"|leavevmode|phantomsection|nonumber|notag|clearpage|doublespacing|onehalfspacing|singlespacing)"
    r"(?![A-Za-z])[ ]?"
)
_ITEM = re.compile(r"\\item(?![A-Za-z])[ \t]{0,9}(?:\[([^\[\]\n]{0,200})\])?")
_SIGNS = {
    "LaTeX": "LaTeX", "LaTeXe": "LaTeX2e", "TeX": "TeX", "BibTeX": "BibTeX", "XeTeX": "XeTeX",
    "copyright": "©", "textcopyright": "©", "textregistered": "®", "texttrademark": "™",
    "S": "§", "P": "¶", "dag": "†", "ddag": "‡", "pounds": "£", "euro": "€", "texteuro": "€",
    "EUR": "€", "textdegree": "°", "degree": "°", "celsius": "°C", "textmu": "µ", "ldots": "…",
    "dots": "…", "textellipsis": "…", "textbackslash": "\\", "textasciitilde": "~",
    "textasciicircum": "^", "textless": "<", "textgreater": ">", "textbar": "|",
    "textquotedbl": '"', "textquotesingle": "'",
    "textbullet": "•", "textendash": "–", "textemdash": "—", "textquotedblleft": "“",
    "textquotedblright": "”", "textquoteleft": "‘", "textquoteright": "’", "guillemotleft": "«",
    "guillemotright": "»", "og": "« ", "fg": " »", "glqq": "„", "grqq": "“", "slash": "/",
    "textunderscore": "_", "textpm": "±", "texttimes": "×", "quad": " ", "qquad": " ",
    "enspace": " ", "thinspace": " ", "space": " ",
}  # fmt: skip
_SIGN = re.compile(
    rf"\\({'|'.join(sorted(_SIGNS, key=len, reverse=True))})(?:\{{\}}|(?![A-Za-z])[ ]?)"
)
_BLANK = re.compile(r"\\[,;:> ]")
_NOTHING = re.compile(r"\\[!/@-]")
_CHARACTERS = ((r"\%", "%"), (r"\&", "&"), (r"\_", "_"), (r"\#", "#"), (r"\$", "$"), ("~", " "),
               (r"\{", "{"), (r"\}", "}"),
               ("---", "—"), ("--", "–"), ("``", "“"), ("''", "”"))  # fmt: skip


def strip_commands(text: str) -> str:
    """Return a text without commands that only affect the layout; as many lines as before."""
    if len(text) <= _MAX_LINE_CHARS:
        return _strip(text)
    lines = text.split("\n")
    if max(map(len, lines)) <= _MAX_LINE_CHARS:
        return _strip(text)
    return "\n".join(line if len(line) > _MAX_LINE_CHARS else _strip(line) for line in lines)


def _strip(text: str) -> str:
    if "\\" in text:
        text = _ROW_END.sub(" ", text)
        text = _BLANK.sub(" ", _NOTHING.sub("", text))
        text = _ENVIRONMENT.sub(lambda match: f"({match['name']})" if match["name"] else "", text)
        text = _ENTRY.sub(lambda match: f"- [{match[1] or match[2]}] ", text)
        text = _LINK.sub(r"\1", _REMOVED.sub("", text))
        text = _SIGN.sub(lambda match: _SIGNS[match[1]], text)
        text = _REFERENCE.sub(_reference, text)
        for _ in range(_MAX_NESTED_COMMANDS):
            before = text
            text = _RAISED.sub(_raised, text)
            text = _MULTICOLUMN.sub(r"\1", _UNWRAPPED.sub(r"\1", text))
            text = _LINK.sub(r"\1", _FOOTNOTE.sub(r" [\1]", text))
            text = _GROUP.sub(r"\1", text)
            if text == before:
                break
        text = write_scripts(text)
    elif "{" in text:
        text = _GROUP.sub(r"\1", text)
    if "&" in text:
        text = _CELLS.sub(" | ", text)
    if "\\" in text:
        text = _ITEM.sub(lambda match: f"- {match[1] or ''}".rstrip() + " ", text)
    for source, character in _CHARACTERS:
        text = text.replace(source, character)
    return "\n".join(map(str.rstrip, text.split("\n")))


def _raised(match: re.Match[str]) -> str:
    opening, closing = SCRIPT_MARKS[f"{match[1]}script"]
    return f"{opening}{match[2]}{closing}"


def _reference(match: re.Match[str]) -> str:
    if match[1]:
        return f"[{match[1]}]"
    place = match["place"] if match["place"] is not None else match["before"]
    before = match["before"] if match["place"] is not None else ""
    return f"[{' '.join(filter(None, (before, match['keys'])))}{f', {place}' if place else ''}]"
