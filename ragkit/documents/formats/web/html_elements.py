"""The HTML elements that matter for reading, by what they do to the text. Pure data."""

from __future__ import annotations


def _names(words: str) -> frozenset[str]:
    return frozenset(words.split())


HEADINGS = {f"h{level}": level for level in range(1, 7)}
BOLD = _names("b strong")
LISTS = _names("ul ol menu dir")
SECTIONS = _names("main article section")

# Never part of what a page says. Fallbacks for old browsers and form controls are among them.
DROPPED = _names(
    "script style noscript template svg nav head select datalist button dialog object iframe"
    " canvas audio video map annotation annotation-xml rp"
)
# Text before and after one of these is not on the same line.
BLOCKS = _names(
    "address article aside blockquote body caption center details dd dir div dl dt fieldset"
    " figcaption figure footer form header hgroup hr html legend li main menu ol p pre section"
    " summary table tbody tfoot thead td th tr ul"
).union(HEADINGS)
INLINE = _names(
    "a abbr b bdi bdo big cite code em font i kbd mark q s samp small span strike strong sub sup"
    " tt u var wbr"
)

# No end tag.
VOID = _names("area base br col embed hr img input link meta param source track wbr")
# The end tag may be left out: the next of their kind, or their parent's end, closes them.
IMPLIED_END = _names(
    "html head body p li dt dd option optgroup tr td th thead tbody tfoot colgroup caption rt rp"
)

# Navigation and site furniture, by role and by the class names of widespread generators
# (DocBook, Sphinx, MediaWiki, SQLite's, Bootstrap). Only these elements are asked for theirs.
ASKED = _names("div ul ol section table p")
FURNITURE_ROLES = _names("navigation banner contentinfo search")
FURNITURE_CLASSES = _names(
    "navheader navfooter sphinxsidebar mw-editsection nosearch navbar breadcrumb breadcrumbs"
    " skip-link"
)
