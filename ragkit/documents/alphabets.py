"""Letters beyond ASCII that languages write, to check a guessed encoding. Data and set operations.

A text that is read in a wrong encoding of its size has letters that no single language has
together: "ð, ë, í" for "š, ė, ķ".
"""

from __future__ import annotations

_BALTIC = ("ąčęėįšųūž", "āčēģīķļņōŗšūž", "äöüõšž")
_OTHERS = (
    *("áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "ąćęłńóśźż", "áéíóöőúüű", "čćđšž", "ăâîşţșț"),
    *("çëâ", "çğıöşüâîûi̇", "àâæçéèêëîïôœùûüÿ", "äöüß", "áéíñóúüï", "áàâãçéêíóôõúü", "àèéìíîòóùú"),
    *("æøåéó", "åäöéü", "éèëïóöüáí", "áðéíóúýþæö", "áàéèíïóòúüçñ"),
)
_MIN_LETTERS = 4


def is_baltic(text: str, *others: str) -> bool:
    """Whether a text of a language of the Baltic has the letters of one language, while the same
    bytes, as they are read in each of the `others`, have those of none."""
    letters = _foreign_letters(text)
    if len(letters) < _MIN_LETTERS or not _fits(set(letters), _BALTIC):
        return False
    return not any(_fits(set(_foreign_letters(other)), _OTHERS) for other in others)


def _foreign_letters(text: str) -> str:
    return "".join(char for char in text.lower() if char > "\x7f" and char.isalpha())


def _fits(letters: set[str], alphabets: tuple[str, ...]) -> bool:
    return any(letters.issubset(alphabet) for alphabet in alphabets)
