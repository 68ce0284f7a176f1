"""HTML as a sequence of tags: what each element does to the text, nesting depth, tag removal.

The element tables are data. `is_too_deep` and `remove_tags` work on the markup without a tree.
"""

from __future__ import annotations

import re
from html import unescape


def _names(words: str) -> frozenset[str]:
    return frozenset(words.split())


HEADING_LEVELS = {f"h{level}": level for level in range(1, 7)}
BOLD = _names("b strong")
SCRIPTS = _names("sup sub")
LISTS = _names("ul ol menu dir")
SECTIONS = _names("main article section")

# Never part of a page's text. Fallbacks for old browsers and form controls are among them.
DROPPED = _names(
    "script style noscript template svg nav head select datalist button dialog object iframe"
    " canvas audio video map annotation annotation-xml rp rt rtc"
)
# Text before and after one of these is not on the same line.
BLOCKS = _names(
    "address article aside blockquote body caption center details dd dir div dl dt fieldset"
    " figcaption figure footer form header hgroup hr html legend li main menu ol p pre section"
    " ragkit-shadow summary table tbody tfoot thead td th tr ul"
).union(HEADING_LEVELS)
PLAIN_BLOCKS = _names("p div")  # that only separate lines
INLINE = _names(
    "a abbr b bdi bdo big cite code em font i kbd mark q s samp small span strike strong sub sup"
    " tt u var wbr"
)

VOID = _names("area base br col embed hr img input link meta param source track wbr")  # no end tag
# The end tag may be left out: the next of their kind, or their parent's end, closes them.
IMPLIED_END = _names(
    "html head body p li dt dd option optgroup tr td th thead tbody tfoot colgroup caption rt rp"
)

# Navigation, headers and footers of a site, by ARIA role and by the class names of widespread
# generators (DocBook, Sphinx, MediaWiki, SQLite's, Bootstrap). Only these elements are checked for
# them.
MAY_BE_BOILERPLATE = _names("div ul ol section table p")
BOILERPLATE_ROLES = _names("navigation banner contentinfo search")
BOILERPLATE_CLASSES = _names(
    "navheader navfooter sphinxsidebar mw-editsection nosearch navbar breadcrumb breadcrumbs"
    " skip-link"
)

_MAX_DEPTH_SUM = 200_000_000  # takes a parser about a second
_MIN_TAGS = 10_000  # fewer tags cannot reach that sum
_TAG = re.compile(r"<(/?)([a-zA-Z][^\s/<>]*+)([^<>]*+)>?")
_RAW_TEXT = frozenset({"script", "style"})


def is_too_deep(markup: str) -> bool:
    """Whether parsing `markup` would take more than about a second because of its nesting.

    At most tags, an HTML parser walks its stack of open elements, so its time grows with the sum
    of the depths of all tags. That sum is estimated in one pass; the estimate errs high.
    """
    if markup.count("<") < _MIN_TAGS:
        return False
    depth_sum = open_svgs = 0
    open_elements: list[str] = []
    for slash, tag, attributes in _TAG.findall(markup):
        name = tag.lower()
        if name in VOID or name in IMPLIED_END:
            depth_sum += len(open_elements)
        elif slash:
            # The parser may ignore an end tag that does not match: it is not counted as an end.
            if open_elements and open_elements[-1] == name:
                open_elements.pop()
                open_svgs -= name == "svg"
        elif not (open_svgs and attributes.endswith("/")):  # in SVG, `<g/>` has no content
            open_elements.append(name)
            open_svgs += name == "svg"
            depth_sum += len(open_elements)
        if depth_sum > _MAX_DEPTH_SUM:
            return True
    return False


def remove_tags(markup: str) -> str:
    """Return the text between the tags, one line per block, without blank lines.

    Drops scripts and styles and resolves character references. Lists and tables get no layout.
    """
    pieces: list[str] = []
    start, raw_text = 0, None  # the name of the open element whose content is dropped
    for match in _TAG.finditer(markup):
        name = match.group(2).lower()
        if raw_text is None:
            pieces.append(markup[start : match.start()])
            if name not in INLINE:
                pieces.append("\n")
        if name in _RAW_TEXT:
            raw_text = None if match.group(1) else (raw_text or name)
        start = match.end()
    if raw_text is None:
        pieces.append(markup[start:])
    lines = (" ".join(line.split()) for line in unescape("".join(pieces)).split("\n"))
    return "\n".join(line for line in lines if line)
