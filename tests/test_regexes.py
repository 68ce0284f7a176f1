"""No regular expression takes more than linear time on any text.

Every pattern of the package is collected from the source and run on texts made from its own parse
tree: what it matches, repeated, with an end that does not match. The test compares the steps of
`backtracking.Matcher` for a text and for one four times as long: no clock is involved.
"""

import ast
import importlib
import re
import sys
from functools import cache
from pathlib import Path
from re import _constants as op
from re import _parser

import pytest

import ragkit
from ragkit.analysis import (
    analyzer,
    highlights,
    identifiers,
    language,
    letters,
    quantities,
    unspaced_numbers,
)
from ragkit.documents.layout import page_lines
from tests.backtracking import Matcher, TooManyStepsError

PACKAGE = Path(ragkit.__file__).parent
METHODS = ("match", "fullmatch", "search", "findall", "finditer", "sub", "subn", "split")
MAX_RATIO = 6  # for four times the text: 4 is linear, 16 is quadratic
MAX_STEPS = 1_000_000

# Patterns that are composed at run time, with examples of their variable parts.
COMPOSED = {
    "ragkit.answers.sanitize": (re.escape("https://example.org/a"), re.I, "search"),
    "ragkit.documents.formats.markup.latex": (
        r"^[^%\n]{0,200}\\title(?:\[[^\[\]]{0,200}\])?\{", re.M, "finditer"
    ),
    "ragkit.analysis.identifiers": (
        r"(?<![\w.])\+?[A-Z0-9]{1,20}(?:[ \-\u2010-\u2013][A-Z]{0,3}[0-9][A-Z0-9]{0,19})+(?!\w)",
        0,
        "finditer",
    ),
    "ragkit.documents.formats.markup.latex_macros": (
        r"(?<!newcommand\{)(?<!newcommand)(?<!\\def)\\(a|bc)(?![A-Za-z])(?:\{\})?", 0, "finditer"
    ),
    "ragkit.documents.formats.markup.rst_inline": (r"\|name\|_{0,2}", re.I, "split"),
    "ragkit.documents.layout.page_lines": (
        rf"^[ \t]*{page_lines._NUMBER_PREFIX}two{page_lines._WORD_GAP}words[ \t]*$",
        re.M | re.I,
        "search",
    ),
    "ragkit.ingest.ignore_rules": ("src|docs|build", 0, "search"),
    "ragkit.serving.schema.validate": (r"^file-[0-9]{1,15}$", 0, "search"),  # of a schema
    "ragkit.cli.output.render": ("\x01([^\x02]*)", 0, "findall"),
    "ragkit.analysis.highlights": (r"(?<!\w)signing keys(?!\w)", 0, "finditer"),
    "ragkit.answers.references": (r"(?<!\w)it is(?!\w)", 0, "sub"),
}  # fmt: skip


@cache
def patterns_of_analysis():
    """Return the uses of patterns that the modules compose when they are first needed."""
    named_dates = re.sub(
        r"(\(\?P<name2?>)[^()]*\)", r"\1march|may)", quantities._named_dates().pattern
    )
    # Two currencies in place of all units; of one length, as one group is looked for backwards.
    numbers = re.sub(
        r"(?:[^()|\[\]]{1,20}\|){8,}[^()|\[\]]{1,20}", "usd|eur", quantities._number().pattern
    )
    of_quantities = (
        numbers,
        quantities._numeric_dates().pattern,
        named_dates,
        quantities._clock_times().pattern,
        quantities._ordinals().pattern,
        quantities._han_numbers().pattern,
    )
    return [
        *(("ragkit.analysis.quantities", text, re.I, "finditer") for text in of_quantities),
        ("ragkit.analysis.analyzer", analyzer._unspaced().pattern, 0, "search"),
        ("ragkit.analysis.analyzer", analyzer._runs().pattern, 0, "finditer"),
        *(
            ("ragkit.analysis.analyzer", find().pattern, 0, "finditer")
            for find in (
                analyzer._symbol,
                analyzer._initials,
                analyzer._hyphenated,
                analyzer._suspension,
                analyzer._suspended_words,
                analyzer._inside_word,
            )
        ),
        *(
            ("ragkit.analysis.letters", find().pattern, 0, "sub")
            for find in (
                letters._optional,
                letters._kana,
                letters._kana_vu,
                letters._not_serbian,
                letters._thai_order,
            )
        ),
        *(
            ("ragkit.analysis.language", find().pattern, 0, "finditer")
            for find in (language._latin_code, language._scripts, language._not_russian_or_arabic)
        ),
        ("ragkit.analysis.quantities", quantities._han_counter().pattern, 0, "search"),
        ("ragkit.analysis.identifiers", identifiers.range_signs().pattern, 0, "finditer"),
        ("ragkit.analysis.identifiers", identifiers._last_number().pattern, 0, "search"),
        *(
            ("ragkit.analysis.unspaced_numbers", find().pattern, 0, "finditer")
            for find in (
                unspaced_numbers._signs,
                unspaced_numbers._han_letter,
                unspaced_numbers._han_runs,
                unspaced_numbers._korean,
                unspaced_numbers._thai,
            )
        ),
        ("ragkit.analysis.highlights", highlights._kana().pattern, 0, "fullmatch"),
        ("ragkit.analysis.letters", letters._han().pattern, 0, "search"),
        ("ragkit.analysis.letters", letters._nasals().pattern, 0, "sub"),
    ]


# Modules whose patterns are used on at most some hundred characters, never on documents.
SHORT = {
    "ragkit.ingest.secrets": "a token and some characters around it (tests/ingest/test_secrets.py)",
    "ragkit.documents.formats.office.spreadsheets.number_formats": "the number format of a cell",
    "ragkit.encoders.model_folder": "a model's name",
    "ragkit.encoders.inspection.word_spans": "a text named on the command line",
    "ragkit.retrieval.citations": "a reference, and paths",
    "ragkit.storage.collection_files": "the name of a file",
    "ragkit.storage.sqlite.filters": "a path",
    "ragkit.lookup.grep_process": "the user's own pattern, in a process that is killed in time",
    "ragkit.documents.formats.office.binary.word_fields": "a field's code, cut to 500 characters",
    "ragkit.agents.config_text": "the user's own configuration file",
}


@cache
def collect_patterns():
    """Return the uses (module, pattern, flags, method) and the modules that compose patterns."""
    uses, composed = set(), set()
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
            if method not in (*METHODS, "compile") or not node.args:
                continue
            if isinstance(node.args[0], ast.Constant):
                if method in METHODS:
                    uses.add((name, node.args[0].value, _flags(node), method))
            elif not _is_module_constant(tree, node):
                composed.add(name)
    uses |= {(name, *COMPOSED[name]) for name in composed if name in COMPOSED}
    uses |= set(patterns_of_analysis())
    return sorted(uses, key=repr), composed


def _flags(call):
    names = [ast.unparse(node) for node in call.args if isinstance(node, ast.Attribute)]
    return sum(getattr(re, name[3:]) for name in names if name.startswith("re."))


def _is_module_constant(tree, call):
    return any(call in ast.walk(node) for node in tree.body if isinstance(node, ast.Assign))


def samples(pattern, flags):
    """Return a text that matches, and (text before, one repetition) of each repeated part."""
    repeated = []

    def walk(items, before):
        text = ""
        for code, value in items:
            text += walk_item(code, value, before + text)
        return text

    def walk_item(code, value, before):
        text = ""
        if code in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
            minimum, _, inner = value
            piece = walk(inner, before)
            repeated.extend((before, unit) for unit in (piece, *class_characters(inner)))
            text = piece * max(1, min(minimum, 99))
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
            text = matching_character(code, value)
        return text

    return walk(_parser.parse(pattern, flags), ""), repeated


def matching_character(code, value):
    """Return a character that matches."""
    if code is op.LITERAL:
        return chr(value)
    excluded = {chr(value)} if code is op.NOT_LITERAL else set()
    if code is op.IN and value[0][0] is not op.NEGATE:
        return members(value)[0]
    if code is op.IN:
        excluded = set(members(value[1:]))
    return next(char for char in "a1 <x\n\t.-" if char not in excluded)


def members(items):
    """Return characters that belong to a class, at least one for each of its elements."""
    kinds = {
        op.CATEGORY_SPACE: " \n\t", op.CATEGORY_NOT_SPACE: "a", op.CATEGORY_DIGIT: "1",
        op.CATEGORY_WORD: "a1_", op.CATEGORY_NOT_WORD: "-", op.CATEGORY_NOT_DIGIT: "a",
    }  # fmt: skip
    characters = []
    for code, value in items:
        if code is op.LITERAL:
            characters.append(chr(value))
        elif code is op.RANGE:
            characters += map(chr, value)
        elif code is op.CATEGORY:
            characters += kinds[value]
    return characters


def class_characters(items):
    """Return every character that the classes name, included or excluded."""
    return [char for code, value in items if code is op.IN for char in members(value)]


def hostile_forms(pattern, flags):
    """Return the forms of hostile texts: (text before, repeated text, text after)."""
    match, repeated = samples(pattern, flags)
    forms = []
    for before, unit in [*repeated, ("", match), ("", match[:-1]), ("", match[:1])]:
        forms += [(before, unit, end) for end in ("", "\0", "\n\0")]
        forms += [("", before + unit, "\0"), ("", unit + "\n", "\0")]
    return [form for form in dict.fromkeys(forms) if form[1]]


def build_text(form, length):
    """Return a text of about `length` characters with this form."""
    before, unit, after = form
    return before + unit * (length // len(unit)) + after


def count_steps(matcher, method, subject):
    """Return the number of steps; infinity if there are more than MAX_STEPS."""
    matcher.steps = 0
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


@cache
def make_matcher(pattern, flags):
    """Return a pattern compiled, its counting matcher, and the forms of hostile texts for it."""
    if isinstance(pattern, bytes):
        pattern, flags = pattern.decode("latin-1"), flags | re.ASCII
    matcher = Matcher(pattern, flags, MAX_STEPS)
    return re.compile(pattern, flags), matcher, hostile_forms(pattern, flags)


@pytest.mark.usefixtures("deep_recursion")
def test_every_pattern_takes_linear_time():
    """All in one test: every test process would have to collect a thousand."""
    slow = []
    for module, pattern, flags, method in collect_patterns()[0]:
        if module not in SHORT:
            _, matcher, forms = make_matcher(pattern, flags)
            slow += [
                (module, pattern, method, *growth)
                for form in hardest(matcher, method, forms)
                if (growth := measure_growth(matcher, method, form))[2] >= MAX_RATIO * growth[1]
            ]
    assert slow == []


def hardest(matcher, method, forms):
    """Return the four forms with most steps for texts of 60 characters."""
    return sorted(forms, key=lambda form: count_steps(matcher, method, build_text(form, 60)))[-4:]


def measure_growth(matcher, method, form):
    """Return the form and the steps for a text and for one four times as long."""
    short, long = (count_steps(matcher, method, build_text(form, size)) for size in (160, 640))
    return form, short, long


@pytest.mark.usefixtures("deep_recursion")
@pytest.mark.parametrize(
    ("pattern", "method", "degree"),
    [("a+b", "search", 2), ("a+b", "match", 1), ("(?:a|a)+b", "match", 3), ("a++b", "match", 1)],
)
def test_steps_distinguish_quadratic_from_linear_time(pattern, method, degree):
    short, long = (
        count_steps(Matcher(pattern, 0, MAX_STEPS), method, "a" * length) for length in (100, 400)
    )
    assert (long >= 4**degree * short * 0.9) if degree < 3 else short == float("inf")
    assert degree != 1 or long < MAX_RATIO * short


@pytest.mark.usefixtures("deep_recursion")
def test_the_counting_matcher_gives_the_results_of_re():
    different = []
    for module, pattern, flags, method in collect_patterns()[0]:
        compiled, matcher, forms = make_matcher(pattern, flags)
        once = method if method in ("match", "fullmatch") else "search"
        for form in forms[:20] if matcher.exact else []:
            match = getattr(compiled, once)(subject := build_text(form, 24))
            matcher.steps = 0
            if matcher.run(once, subject) != ([match.span()] if match else []):
                different.append((module, pattern, once, subject))
    assert different == []


def test_every_pattern_is_collected():
    uses, composing = collect_patterns()
    assert len(uses) > 100
    assert {*COMPOSED, *SHORT, *(use[0] for use in patterns_of_analysis())} >= composing
    used = {pattern for _, pattern, _, _ in uses}
    for path in PACKAGE.rglob("[!_]*.py"):
        name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        for value in vars(importlib.import_module(name)).values():
            assert not isinstance(value, re.Pattern) or value.pattern in used, (name, value)
