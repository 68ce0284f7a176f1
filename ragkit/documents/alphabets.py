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


def is_baltic(text: str, otherwise: str) -> bool:
    """Whether a text of a language of the Baltic has the letters of one language, while the same
    bytes as they are read `otherwise` have those of none."""
    letters = _foreign_letters(text)
    if len(letters) < _MIN_LETTERS:
        return False
    return _fits(set(letters), _BALTIC) and not _fits(set(_foreign_letters(otherwise)), _OTHERS)


def _foreign_letters(text: str) -> str:
    return "".join(char for char in text.lower() if char > "\x7f" and char.isalpha())


def _fits(letters: set[str], alphabets: tuple[str, ...]) -> bool:
    return any(letters.issubset(alphabet) for alphabet in alphabets)
