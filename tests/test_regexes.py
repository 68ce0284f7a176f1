"""No regular expression takes more than linear time on any text.

Every pattern of the package is found by its source, and gets texts made from its own parse tree:
what it takes, again and again, with an end that does not fit. What is compared is the steps of
`backtracking.Matcher` for a text and for four times the text: no clock has a say.
"""

import ast
import importlib
import re
import sys
from pathlib import Path
from re import _constants as op
from re import _parser

import pytest

import ragkit
from ragkit.documents.layout import page_lines
from tests.backtracking import Matcher, TooManyStepsError

PACKAGE = Path(ragkit.__file__).parent
METHODS = ("match", "fullmatch", "search", "findall", "finditer", "sub", "subn", "split")
MOST_RATIO = 6  # for four times the text: 4 is linear, 16 is square
MOST_STEPS = 1_000_000

# Patterns that are put together where they are used, with what may stand in them there.
MADE = {
    "ragkit.documents.formats.markup.latex": (
        r"^[^%\n]{0,200}\\title(?:\[[^\[\]]{0,200}\])?\{", re.M, "finditer"
    ),
    "ragkit.documents.layout.page_lines": (
        rf"^[ \t]*{page_lines._NUMBER_PREFIX}two{page_lines._WORD_GAP}words[ \t]*$",
        re.M | re.I,
        "search",
    ),
    "ragkit.ingest.ignore_rules": ("src|docs|build", 0, "search"),
    "ragkit.serving.schema.validate": (r"^file-[0-9]{1,15}$", 0, "search"),  # of a schema
    "ragkit.cli.output.render": (r"\b(?:signing|keys)\w*", re.I, "finditer"),
}  # fmt: skip
# Not for documents: what these are used on has some hundred characters at the most.
SHORT = {
    "ragkit.documents.formats.office.number_formats": "the format of a cell's number",
    "ragkit.encoders.model_folder": "a model's name",
    "ragkit.encoders.inspection.word_spans": "a text named on the command line",
    "ragkit.storage.sqlite.filters": "a path",
}


def found():
    """(module, pattern, flags, method) of each use; modules that put patterns together in place."""
    uses, made = set(), set()
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name):
                continue
            if node.attr in METHODS and node.value.id.isupper():
                pattern = getattr(importlib.import_module(name), node.value.id)
                if isinstance(pattern, re.Pattern):
                    uses.add((name, pattern.pattern, pattern.flags, node.attr))
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or ast.unparse(node.func).partition(".")[0] != "re":
                continue
            method = node.func.attr
            if method not in (*METHODS, "compile"):
                continue
            if isinstance(node.args[0], ast.Constant):
                if method in METHODS:
                    uses.add((name, node.args[0].value, _flags(node), method))
            elif not _at_top(tree, node):
                made.add(name)
    uses |= {(name, *MADE[name]) for name in made if name in MADE}
    return sorted(uses, key=repr), made


def _flags(call):
    named = [ast.unparse(each) for each in call.args if isinstance(each, ast.Attribute)]
    return sum(getattr(re, name[3:]) for name in named if name.startswith("re."))


def _at_top(tree, call):
    return any(call in ast.walk(each) for each in tree.body if isinstance(each, ast.Assign))


USES, PUT_TOGETHER = found()


def samples(pattern, flags):
    """A text that fits, and what the pattern repeats: pairs of what comes before and one of it."""
    repeated = []

    def walk(items, before):
        text = ""
        for code, value in items:
            text += one(code, value, before + text)
        return text

    def one(code, value, before):
        text = ""
        if code in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
            least, _, inner = value
            piece = walk(inner, before)
            repeated.extend((before, each) for each in (piece, *named(inner)))
            text = piece * max(1, min(least, 99))
        elif code is op.SUBPATTERN:
            text = walk(value[-1], before)
        elif code is op.ATOMIC_GROUP:
            text = walk(value, before)
        elif code is op.BRANCH:
            pieces = [walk(branch, before) for branch in value[1]]
            repeated.extend((before, piece) for piece in pieces)
            text = pieces[0]
        elif code is op.ASSERT:
            walk(value[1], before)
        elif code in (op.LITERAL, op.NOT_LITERAL, op.ANY, op.IN):
            text = character(code, value)
        return text

    return walk(_parser.parse(pattern, flags), ""), repeated


def character(code, value):
    """One that fits."""
    if code is op.LITERAL:
        return chr(value)
    bad = {chr(value)} if code is op.NOT_LITERAL else set()
    if code is op.IN and value[0][0] is not op.NEGATE:
        return members(value)[0]
    if code is op.IN:
        bad = set(members(value[1:]))
    return next(each for each in "a1 <x\n\t.-" if each not in bad)


def members(items):
    kinds = {
        op.CATEGORY_SPACE: " \n\t", op.CATEGORY_NOT_SPACE: "a", op.CATEGORY_DIGIT: "1",
        op.CATEGORY_WORD: "a1_", op.CATEGORY_NOT_WORD: "-", op.CATEGORY_NOT_DIGIT: "a",
    }  # fmt: skip
    made = []
    for code, value in items:
        if code is op.LITERAL:
            made.append(chr(value))
        elif code is op.RANGE:
            made += map(chr, value)
        elif code is op.CATEGORY:
            made += kinds[value]
    return made


def named(items):
    """Every character that the classes name, as fitting or not."""
    return [each for code, value in items if code is op.IN for each in members(value)]


def hostile(pattern, flags):
    """Texts to be: what comes before, what is repeated, what comes last."""
    whole, repeated = samples(pattern, flags)
    made = []
    for before, unit in [*repeated, ("", whole), ("", whole[:-1]), ("", whole[:1])]:
        made += [(before, unit, end) for end in ("", "\0", "\n\0")]
        made += [("", before + unit, "\0"), ("", unit + "\n", "\0")]
    return [each for each in dict.fromkeys(made) if each[1]]


def text(form, length):
    before, unit, after = form
    return before + unit * (length // len(unit)) + after


def steps(pattern, flags, method, subject):
    matcher = Matcher(pattern, flags, MOST_STEPS)
    try:
        matcher.run(method, subject)
    except TooManyStepsError:
        return float("inf")
    return matcher.steps


@pytest.fixture
def deep_recursion():
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(100_000)
    yield
    sys.setrecursionlimit(before)


@pytest.mark.usefixtures("deep_recursion")
@pytest.mark.parametrize(
    ("module", "pattern", "flags", "method"), [use for use in USES if use[0] not in SHORT]
)
def test_every_pattern_takes_linear_time(module, pattern, flags, method):
    if isinstance(pattern, bytes):
        pattern, flags = pattern.decode("latin-1"), flags | re.ASCII
    forms = hostile(pattern, flags)
    forms.sort(key=lambda form: steps(pattern, flags, method, text(form, 60)))
    for form in forms[-4:]:
        less, more = (steps(pattern, flags, method, text(form, each)) for each in (250, 1_000))
        assert more < MOST_RATIO * less, (form, less, more)


@pytest.mark.usefixtures("deep_recursion")
@pytest.mark.parametrize(
    ("pattern", "method", "degree"),
    [("a+b", "search", 2), ("a+b", "match", 1), ("(?:a|a)+b", "match", 3), ("a++b", "match", 1)],
)
def test_steps_tell_square_from_linear(pattern, method, degree):
    less, more = (steps(pattern, 0, method, "a" * length) for length in (250, 1_000))
    assert (more >= 4**degree * less * 0.9) if degree < 3 else less == float("inf")
    assert degree != 1 or more < MOST_RATIO * less


@pytest.mark.usefixtures("deep_recursion")
@pytest.mark.parametrize(("module", "pattern", "flags", "method"), USES)
def test_the_counting_matcher_finds_what_re_finds(module, pattern, flags, method):
    if isinstance(pattern, bytes):
        pattern, flags = pattern.decode("latin-1"), flags | re.ASCII
    compiled = re.compile(pattern, flags)
    for form in hostile(pattern, flags)[:20]:
        subject, matcher = text(form, 24), Matcher(pattern, flags, MOST_STEPS)
        once = method if method in ("match", "fullmatch") else "search"
        found = getattr(compiled, once)(subject)
        if matcher.exact:
            assert matcher.run(once, subject) == ([found.span()] if found else [])


def test_no_pattern_is_forgotten():
    assert len(USES) > 100
    assert MADE.keys() | SHORT.keys() >= PUT_TOGETHER
    used = {pattern for _, pattern, _, _ in USES}
    for path in PACKAGE.rglob("[!_]*.py"):
        name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        for value in vars(importlib.import_module(name)).values():
            assert not isinstance(value, re.Pattern) or value.pattern in used, (name, value)
