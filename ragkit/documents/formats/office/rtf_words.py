"""The control words of RTF that matter for reading, by what they do to the text. Pure data."""

from __future__ import annotations


def _names(words: str) -> frozenset[str]:
    return frozenset(words.split())


# Groups that are no text of the document. A group with an unknown word behind `\*` is none either.
SKIPPED = _names(
    "colortbl filetbl listtable listoverridetable revtbl rsidtbl generator pict objdata objclass"
    " fldinst datafield formfield bkmkstart bkmkend atnid atnauthor atnref atndate atntime"
    " atnparent atnicn xe tc tcn rxe ftnsep ftnsepc ftncn aftnsep aftnsepc aftncn template"
    " themedata colorschememapping datastore latentstyles xmlnstbl nonshppict sp nesttableprops"
    " nonesttables nexctfile private1 pntxta pntxtb pnseclvl mmath userprops docvar"
)
KEPT = _names("shpinst fldrslt pntext listtext footnote annotation")  # despite `\*`
HEADERS = _names("header headerl headerr headerf footer footerl footerr footerf")
INFORMATION = {
    "title": "title",
    "author": "author",
    "subject": "subject",
    "keywords": "keywords",
    "doccomm": "description",
    "creatim": "created",
    "revtim": "modified",
}
CHARACTERS = {
    "tab": "\t",
    "line": "\n",
    "lbr": "\n",
    "nestcell": " ",
    "nestrow": "\n",
    "emdash": "—",
    "endash": "–",
    "emspace": " ",
    "enspace": " ",
    "qmspace": " ",
    "lquote": "‘",
    "rquote": "’",
    "ldblquote": "“",
    "rdblquote": "”",
    "bullet": "•",
    "~": " ",
    "_": "-",
    "\\": "\\",
    "{": "{",
    "}": "}",
}
PARAGRAPH_ENDS = frozenset({"par", "sect", "page", "column", "\n", "\r"})
CODE_PAGES = {"ansi": "cp1252", "mac": "mac_roman", "pc": "cp437", "pca": "cp850"}
# The code page of a font by its `\fcharset`; 0 and 1 leave it to the document.
CHARSETS = {
    77: "mac_roman",
    128: "cp932",
    129: "cp949",
    130: "johab",
    134: "gbk",
    136: "cp950",
    161: "cp1253",
    162: "cp1254",
    163: "cp1258",
    177: "cp1255",
    178: "cp1256",
    186: "cp1257",
    204: "cp1251",
    222: "cp874",
    238: "cp1250",
    255: "cp437",
}
