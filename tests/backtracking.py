"""A backtracking regular expression matcher that gives the results of `re` and counts its steps.

It walks the parse tree of a pattern like CPython's engine: from left to right, and back to the last
alternative if nothing matches. Its steps therefore grow with the text as the engine's do, and are
the same on every machine. Bounds such as `{0,200}` are reduced to SMALL: both are constants.
"""

import re
from functools import lru_cache
from itertools import groupby
from re import _constants as op
from re import _parser

SMALL = 16
BOUND = 1_000  # more repetitions count as unbounded
CATEGORIES = {
    op.CATEGORY_SPACE: r"\s", op.CATEGORY_NOT_SPACE: r"\S", op.CATEGORY_DIGIT: r"\d",
    op.CATEGORY_NOT_DIGIT: r"\D", op.CATEGORY_WORD: r"\w", op.CATEGORY_NOT_WORD: r"\W",
}  # fmt: skip
REPEATS = (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT)
CHARACTERS = (op.LITERAL, op.NOT_LITERAL, op.ANY, op.IN)


class TooManyStepsError(Exception):
    """The limit on steps is exceeded."""


class Matcher:
    """Match one text pattern and count the steps.

    `exact`: no bound was reduced. `steps`: all steps so far.
    """

    def __init__(self, pattern: str, flags: int, max_steps: int) -> None:
        tree = _parser.parse(pattern, flags)
        self.flags = flags | tree.state.flags
        self.steps, self.exact, self._max_steps = 0, True, max_steps
        self._text, self._groups = "", {}
        self._match = self._sequence(list(tree))

    def run(self, method, text):
        """Return the spans that `method` of a compiled pattern would find, in order."""
        self._text, spans, start = text, [], 0
        one = method in ("match", "fullmatch")
        while start <= len(text):
            self._groups = {}
            end = self._end(start, method == "fullmatch")
            if end is not None:
                spans.append((start, end))
            if one or (method == "search" and spans):
                break
            start = max(start + 1, end or 0)
        return spans

    def _end(self, start, full):
        ends = []
        if self._match(start, lambda i: (not full or i == len(self._text)) and not ends.append(i)):
            return ends[0]
        return None

    def _step(self):
        self.steps += 1
        if self.steps > self._max_steps:
            raise TooManyStepsError

    def _sequence(self, items):
        parts = []
        for are_characters, run in groupby(items, lambda item: item[0] in CHARACTERS):
            if are_characters:
                parts.append(self._characters(list(run)))
            else:
                parts += [self._part(code, value) for code, value in run]

        def match(i, then, n=0):
            return parts[n](i, lambda j: match(j, then, n + 1)) if n < len(parts) else then(i)

        return match

    def _part(self, code, value):
        if code in REPEATS:
            return self._repeat(code, *value)
        if code in (op.ASSERT, op.ASSERT_NOT):
            return self._look(code is op.ASSERT, *value)
        return getattr(self, f"_{code.name.lower()}")(value)

    def _characters(self, items):
        """Match elements of one character each, one after the other."""
        predicates = [self._fits(code, value) for code, value in items]

        def match(i, then):
            text = self._text
            for fits in predicates:
                self._step()
                if i >= len(text) or not fits(text[i]):
                    return False
                i += 1
            return then(i)

        return match

    def _fits(self, code, value):
        """Return a predicate: whether the pattern element matches a character."""
        pattern = re.compile(_character_source(code, value), self.flags & ~re.VERBOSE)
        return lru_cache(maxsize=None)(lambda character: bool(pattern.fullmatch(character)))

    def _bounds(self, minimum, maximum):
        unbounded = maximum is op.MAXREPEAT or maximum > BOUND
        cut = min(minimum, SMALL), None if unbounded else min(maximum, SMALL)
        self.exact &= cut == (minimum, None if maximum is op.MAXREPEAT else maximum)
        return cut[0], len(self._text) + SMALL if cut[1] is None else cut[1]

    def _repeat(self, code, minimum, maximum, items):
        if len(items) == 1 and items[0][0] in CHARACTERS and code is not op.MIN_REPEAT:
            return self._repeat_character(code, minimum, maximum, *items[0])
        inner = self._sequence(list(items))
        self._bounds(minimum, maximum)  # updates `exact`

        def greedy(i, then, n=0):
            low, high = self._bounds(minimum, maximum)
            more = n < high and inner(i, lambda j: (j > i or n < low) and greedy(j, then, n + 1))
            return more or (n >= low and then(i))

        def lazy(i, then, n=0):
            low, high = self._bounds(minimum, maximum)
            if n >= low and then(i):
                return True
            return n < high and inner(i, lambda j: (j > i or n < low) and lazy(j, then, n + 1))

        if code is op.POSSESSIVE_REPEAT:
            return self._once(greedy)
        return greedy if code is op.MAX_REPEAT else lazy

    def _repeat_character(self, code, minimum, maximum, item_code, value):
        """Do the same as `greedy` for a single character, without a call for each repetition."""
        fits = self._fits(item_code, value)
        self._bounds(minimum, maximum)  # updates `exact`

        def match(i, then):
            text, (low, high) = self._text, self._bounds(minimum, maximum)
            end = i
            while end - i < high:
                self._step()
                if end >= len(text) or not fits(text[end]):
                    break
                end += 1
            if code is op.POSSESSIVE_REPEAT:
                return end - i >= low and then(end)
            for j in range(end, i + low - 1, -1):  # noqa: SIM110 - a generator would use C stack
                if then(j):
                    return True
            return False

        return match

    def _branch(self, value):
        branches = [self._sequence(list(branch)) for branch in value[1]]

        def match(i, then):
            for branch in branches:  # noqa: SIM110 - a generator would use C stack
                if branch(i, then):
                    return True
            return False

        return match

    def _atomic_group(self, items):
        return self._once(self._sequence(list(items)))

    def _once(self, inner):
        def match(i, then):
            ends = []
            return inner(i, lambda j: not ends.append(j)) and then(ends[0])

        return match

    def _subpattern(self, value):
        group, add, remove, items = value
        assert not (add or remove), "flags within a pattern"
        inner = self._sequence(list(items))

        def match(i, then):
            before = self._groups.get(group)

            def after(j):
                self._groups[group] = (i, j)
                return then(j)

            if inner(i, after):
                return True
            self._groups[group] = before
            return False

        return match

    def _look(self, positive, direction, items):
        inner, width = self._sequence(list(items)), items.getwidth()[0]

        def match(i, then):
            start = i if direction > 0 else i - width
            is_match = start >= 0 and inner(start, lambda _: True)
            return is_match == positive and then(i)

        return match

    def _groupref(self, group):
        def match(i, then):
            span = self._groups.get(group)
            group_text = self._text[slice(*span)] if span else "\0never"
            self.steps += len(group_text)
            self._step()
            return self._text.startswith(group_text, i) and then(i + len(group_text))

        return match

    def _at(self, place):
        return lambda i, then: self._is_at(place, i) and then(i)

    def _is_at(self, place, i):
        text, lines = self._text, bool(self.flags & re.MULTILINE)
        if place is op.AT_BEGINNING_STRING or (place is op.AT_BEGINNING and not lines):
            return i == 0
        if place is op.AT_BEGINNING:
            return i == 0 or text[i - 1] == "\n"
        if place is op.AT_END_STRING:
            return i == len(text)
        if place is op.AT_END:
            return i == len(text) or (text[i] == "\n" and (lines or i == len(text) - 1))
        assert place in (op.AT_BOUNDARY, op.AT_NON_BOUNDARY), place
        word = re.compile(r"\w", self.flags & re.ASCII)
        sides = [bool(word.match(text[j])) for j in (i - 1, i) if 0 <= j < len(text)]
        is_boundary = any(sides) if len(sides) < 2 else sides[0] != sides[1]
        return is_boundary == (place is op.AT_BOUNDARY)


def _character_source(code, value):
    """Return the source of the pattern of a single character."""
    if code is op.ANY:
        return "."
    if code is not op.IN:
        return ("[^%s]" if code is op.NOT_LITERAL else "[%s]") % re.escape(chr(value))
    members = []
    for kind, member in value:
        if kind is op.LITERAL:
            members.append(re.escape(chr(member)))
        elif kind is op.RANGE:
            members.append("-".join(re.escape(chr(bound)) for bound in member))
        elif kind is op.CATEGORY:
            members.append(CATEGORIES[member])
    return f"[{'^' if value[0][0] is op.NEGATE else ''}{''.join(members)}]"
