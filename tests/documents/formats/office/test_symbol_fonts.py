"""Characters of symbol fonts in Unicode."""

import pytest

from ragkit.documents.formats.office.symbol_fonts import (
    is_symbol_font,
    replace_symbols,
    symbol,
    symbols_of_bytes,
)


@pytest.mark.parametrize(
    ("code", "font", "sign"),
    [
        ("F061", "Symbol", "α"),
        ("61", "symbol", "α"),
        ("F0B3", "Symbol", "≥"),
        ("F0B1", "Symbol", "±"),
        ("F0FC", "Wingdings", "✓"),
        ("F0FE", "Wingdings", "☑"),
        ("F0A8", "Wingdings", "☐"),
        ("2612", "MS Gothic", "☒"),
        ("F041", "Unknown", "A"),
        ("F0FF", "Wingdings", ""),
        ("xyz", "Symbol", ""),
        ("D800", "Arial", ""),
    ],
)
def test_symbols(code, font, sign):
    assert symbol(code, font) == sign


def test_private_letters_in_text_are_replaced():
    assert replace_symbols("a \uf0fc \uf0ff", "Wingdings") == "a ✓ \uf0ff"


def test_bytes_of_symbol_fonts():
    assert symbols_of_bytes(b"a b\xb1", "Symbol") == "α β±"
    assert is_symbol_font("Wingdings 2") and not is_symbol_font("Arial")
