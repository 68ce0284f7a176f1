"""Formulas as text on one line: fractions, powers, indices and roots stay apart (12/5, x^2, ∛16).

Readers of MathML and of Word's formulas build the operands from the inside out with these
functions. Knows no markup.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_ATOM = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]\w*|.", re.DOTALL)  # `2x` is a product
_ROOTS = {"": "√", "2": "√", "3": "∛", "4": "∜"}
_CLOSING = ")]}|⟩"
_OVERLINE = "\u0305"
_SPACED = frozenset("+-−=≤≥<>±≈→")  # signs with a blank on both sides
_INVISIBLE = {
    "\u2061": " ",
    "\u2062": " ",
    "\u2063": ",",
    "\u2064": " ",
}  # apply, times, comma, plus


class Built(str):
    """A fraction, a power, an index or a root: text next to it is set apart by a blank."""

    __slots__ = ()


def group(operand: str) -> str:
    """Return an operand in parentheses, unless it is one number, one name or one sign."""
    operand = operand.strip()
    return operand if not operand or _ATOM.fullmatch(operand) else f"({operand})"


def fraction(above: str, below: str) -> str:
    """Return `above/below`: 12/5, (a + b)/2."""
    return Built(f"{group(above)}/{group(below)}")


def power(base: str, exponent: str) -> str:
    """Return `base^exponent`: x^2, x^(n + 1). A prime follows its base without a sign."""
    exponent = exponent.strip().replace("∘", "°")
    if not exponent or not exponent.strip("′″‴'*†‡°"):
        return base + exponent
    return Built(f"{group(base)}^{_raised(exponent)}")


def index(base: str, subscript: str) -> str:
    """Return `base_subscript`: y_1, a_(i + 1)."""
    return Built(f"{group(base)}_{_raised(subscript)}") if subscript.strip() else base


def root(operand: str, degree: str = "") -> str:
    """Return a root: √16, ∛(a + b); of another degree as a power: x^(1/5)."""
    sign = _ROOTS.get(degree.strip())
    if sign is None:
        return Built(f"{group(operand)}^(1/{group(degree)})")
    return Built(sign + group(operand))


def stacked(above: str, below: str) -> str:
    """Return one above the other without a fraction line, as in a binomial: (n; k)."""
    return f"({above.strip()}; {below.strip()})"


def overlined(operand: str) -> str:
    """Return repeating decimals with a line over each digit (0.3̅); other operands as they are."""
    digits = operand.strip()
    return "".join(digit + _OVERLINE for digit in digits) if digits.isdecimal() else operand


def prescripts(base: str, below: str, above: str) -> str:
    """Return a base after its raised and lowered signs: ^14_6 C."""
    above, below = above.strip() and f"^{_raised(above)}", below.strip() and f"_{_raised(below)}"
    return Built(f"{above}{below} {base.strip()}") if above or below else base


def join(parts: Iterable[str]) -> str:
    """Return the parts of a row, with a blank between a built part and a number or a name."""
    text, previous = "", ""
    for part in parts:
        if not part:
            continue
        is_built = isinstance(part, Built) or isinstance(previous, Built)
        if is_built and _touches(text[-1:], part[0]):
            text += " "
        text += part
        previous = part
    if isinstance(previous, Built) and text == previous:
        return previous
    return text


def operator(sign: str) -> str:
    """Return a sign between two operands with the blanks that readers expect around it."""
    sign = sign.strip()
    return f" {sign} " if sign in _SPACED else _INVISIBLE.get(sign, sign)


def _raised(operand: str) -> str:
    operand = operand.strip()
    signed = operand[:1] in "-−+" and _ATOM.fullmatch(operand[1:].strip() or "+")
    return "".join(operand.split()) if signed else group(operand)


def _touches(before: str, after: str) -> bool:
    """Whether two signs would read as one number or name."""
    return (
        before != ""
        and (before.isalnum() or before in _CLOSING)
        and (after.isalnum() or after in "√∛∜(")
    )
