"""Characters of the fonts Symbol, Wingdings and Webdings → Unicode.

Office files store them as code points of these fonts, in the private-use area (U+F061 is the α of
Symbol), or as single bytes (RTF). Knows fonts, no files.
"""

from __future__ import annotations

import re

_PRIVATE = 0xF000
_PRIVATE_LETTERS = re.compile("[\uf020-\uf0ff]")
# From code point 0x20 on; a space stands for a sign that is left as it is in the private area.
_SYMBOL = (
    " !∀#∃%&∋()∗+,−./0123456789:;<=>?"
    "≅ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ[∴]⊥_"
    "‾αβχδεφγηιϕκλμνοπθρστυϖωξψζ{|}∼"
)
_SYMBOL_HIGH = (
    "€ϒ′≤⁄∞ƒ♣♦♥♠↔←↑→↓°±″≥×∝∂•÷≠≡≈…⏐⎯↵"
    "ℵℑℜ℘⊗⊕∅∩∪⊃⊇⊄⊂⊆∈∉∠∇®©™∏√⋅¬∧∨⇔⇐⇑⇒⇓"
    "◊⟨®©™∑⎛⎜⎝⎡⎢⎣⎧⎨⎩⎪ ⟩∫⌠⎮⌡⎞⎟⎠⎤⎥⎦⎫⎬⎭"
)
_WINGDINGS = {
    0x21: "✏", 0x22: "✂", 0x28: "☎", 0x29: "✆", 0x2A: "✉", 0x2B: "✉", 0x36: "⌛", 0x37: "⌨",
    0x3E: "✇", 0x3F: "✍", 0x41: "✌", 0x45: "☜", 0x46: "☞", 0x47: "☝", 0x48: "☟", 0x4A: "☺",
    0x4C: "☹", 0x4D: "💣", 0x4E: "☠", 0x51: "✈", 0x52: "☼", 0x54: "❄", 0x55: "✞", 0x58: "✠",
    0x59: "✡", 0x5A: "☪", 0x5B: "☯", 0x6C: "●", 0x6D: "❍", 0x6E: "■", 0x6F: "□", 0x71: "❑",
    0x72: "❒", 0x74: "⧫", 0x75: "◆", 0x76: "❖", 0x77: "⬥", 0x78: "☒", 0x7B: "❀", 0x7C: "✿",
    0x80: "⓪", 0x81: "①", 0x82: "②", 0x83: "③", 0x84: "④", 0x85: "⑤", 0x86: "⑥", 0x87: "⑦",
    0x88: "⑧", 0x89: "⑨", 0x8A: "⑩", 0x9E: "·", 0x9F: "•", 0xA1: "○", 0xA4: "◉", 0xA7: "▪",
    0xA8: "☐", 0xAB: "★", 0xD5: "⌫", 0xD8: "➢", 0xDF: "←", 0xE0: "→", 0xE1: "↑", 0xE2: "↓",
    0xE8: "➔", 0xEF: "⇦", 0xF0: "⇨", 0xF1: "⇧", 0xF2: "⇩", 0xFB: "✗", 0xFC: "✓", 0xFD: "☒",
    0xFE: "☑",
}  # fmt: skip
_WINGDINGS_2 = {
    0x4F: "✗", 0x50: "✓", 0x51: "☒", 0x52: "☑", 0x53: "☒", 0x54: "☒", 0xA3: "☐", 0x97: "●"
}  # fmt: skip
_FONTS = {
    "symbol": {
        **{0x20 + place: sign for place, sign in enumerate(_SYMBOL)},
        **{0xA0 + place: sign for place, sign in enumerate(_SYMBOL_HIGH)},
    },
    "wingdings": _WINGDINGS,
    "wingdings 2": _WINGDINGS_2,
}
_CHECK_MARKS = {"P": "✓", "a": "✓", "x": "☒", "g": "■"}  # of Marlett and Webdings


def symbol(code: str, font: str) -> str:
    """Return the character with a hexadecimal code in a font; "" if it is unknown."""
    try:
        number = int(code, 16)
    except ValueError:
        return ""
    table = _FONTS.get(font.casefold())
    if table is not None:
        return table.get(number & 0xFF if number >= _PRIVATE else number, "")
    if _PRIVATE <= number <= _PRIVATE + 0xFF:
        sign = chr(number - _PRIVATE)
        if font.casefold() in {"webdings", "marlett"}:
            return _CHECK_MARKS.get(sign, "")
        return sign if sign.isprintable() else ""
    return chr(number) if 0x20 <= number < 0x110000 and not 0xD800 <= number < 0xE000 else ""


def is_symbol_font(name: str) -> bool:
    """Whether the letters of a font are signs that this module knows."""
    return name.casefold() in {*_FONTS, "webdings", "marlett"}


def symbols_of_bytes(data: bytes, font: str) -> str:
    """Return text that is stored as bytes of a symbol font; blanks stay, unknown signs are in the
    private-use area."""
    private = "".join(chr(_PRIVATE + byte) if byte > 0x20 else chr(byte) for byte in data)
    return replace_symbols(private, font)


def replace_symbols(text: str, font: str) -> str:
    """Return text of a symbol font with its private-use letters in Unicode; unknown ones stay."""
    if not _PRIVATE_LETTERS.search(text):
        return text
    return _PRIVATE_LETTERS.sub(lambda match: symbol(f"{ord(match[0]):x}", font) or match[0], text)
