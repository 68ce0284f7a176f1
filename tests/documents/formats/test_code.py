"""Source code: classes and functions are headings, and each passage carries their names."""

import subprocess
import sys
from itertools import pairwise

import pytest

from ragkit.documents.formats import code
from ragkit.documents.formats.code import read_code
from ragkit.documents.read import read
from ragkit.documents.registry import FORMATS
from ragkit.passages.split import split_document
from tests.conftest import WordEncoder

LONG = "\n".join(f"        total_{number} = rate_{number} * amount" for number in range(120))
CALCULATOR = f'''"""Tariffs."""

import os


class TariffCalculator:
    rate = 2

    # The surcharge of a night.
    @cached
    def compute_surcharge(self, amount):
{LONG}
        return total_1

    def short(self):
        return 1

    unit = "EUR"


print(TariffCalculator())
'''
# One class with one long function of each language: name, content, and the names in it.
BODY = "  a = 1;\n  b = 2;\n  c = 3;\n  d = 4;\n"
LANGUAGES = {
    "a.py": ("class Tariff:\n  def total(self):\n" + BODY.replace("  ", "    "), "Tariff", "total"),
    "a.js": ("class Tariff {\n total() {\n" + BODY + " }\n}\n", "Tariff", "total"),
    "b.js": ("const make = {\n total: () => {\n" + BODY + " }\n}\n", None, "total"),
    "a.jsx": ("export const Total = (p) => {\n" + BODY + " return <b>{a}</b>;\n}\n", None, "Total"),
    "a.ts": ("interface R {\n a: number\n}\nclass Tariff {\n total(): number {\n" + BODY + " }\n}",
             "Tariff", "total"),
    "a.tsx": ("class Tariff {\n total = () => {\n" + BODY + "  return <b>{a}</b>\n }\n}\n",
              "Tariff", "total"),
    "a.java": ("class Tariff {\n int total() {\n" + BODY + " }\n}\n", "Tariff", "total"),
    "a.go": ("package t\nfunc (t *Tariff) Total() int {\n" + BODY.replace(" =", " :=") + "}", None,
             "Tariff.Total"),
    "a.rs": ("impl Tariff {\n fn total() -> i32 {\n" + BODY.replace("  ", "  let ") + " }\n}\n",
             "Tariff", "total"),
    "a.c": ("static int *total(int x) {\n" + BODY + "}\n", None, "total"),
    "a.cpp": ("class Tariff {\n int total() {\n" + BODY + " }\n};\n", "Tariff", "total"),
    "b.cpp": ("int Tariff::total(int x) {\n" + BODY + "}\n", None, "Tariff::total"),
    "a.cs": ("class Tariff {\n int Total() {\n" + BODY + " }\n}\n", "Tariff", "Total"),
    "a.php": ("<?php\nclass Tariff {\n function total() {\n" + BODY.replace("  ", "  $") + " }\n}",
              "Tariff", "total"),
    "a.rb": ("class Tariff\n def total\n" + BODY + " end\nend\n", "Tariff", "total"),
    "a.kt": ("class Tariff {\n fun total() {\n" + BODY + " }\n}\n", "Tariff", "total"),
    "a.scala": ("class Tariff {\n def total() = {\n" + BODY.replace("  ", "  val ") + " }\n}\n",
                "Tariff", "total"),
    "a.swift": ("class Tariff {\n func total() {\n" + BODY + " }\n}\n", "Tariff", "total"),
    "a.sh": ("total() {\n" + BODY.replace(" = ", "=") + "}\n", None, "total"),
}  # fmt: skip


def passages(document, size=60):
    return split_document(document, WordEncoder(), size=size, overlap=0)


def test_every_passage_of_a_long_method_names_its_class_and_itself():
    document = read_code(CALCULATOR.encode(), "tariffs.py")
    found = passages(document)
    method = [passage for passage in found if passage.heading[1:] == ("compute_surcharge",)]
    assert len(method) > 9
    for passage in method:
        assert passage.heading == ("TariffCalculator", "compute_surcharge")
        assert passage.header == "TariffCalculator › compute_surcharge"
    # A comment and decorators above a function are part of it.
    assert method[0].text.startswith("# The surcharge of a night.")
    headings = {line: p.heading for p in found for line in p.text.split("\n")}
    assert headings["import os"] == ()
    assert headings["class TariffCalculator:"] == ("TariffCalculator",)
    # What follows belongs to what is around it; a short function stays with its neighbours.
    assert headings["        return 1"] == headings['    unit = "EUR"'] == ("TariffCalculator",)
    assert headings["print(TariffCalculator())"] == ()
    assert document.text == CALCULATOR
    assert document.lines


@pytest.mark.parametrize("name", LANGUAGES)
def test_classes_and_functions_of_each_language(name):
    code, class_name, function = LANGUAGES[name]
    document = read_code(code.encode(), name)
    (found,) = [p.heading for p in passages(document) if "c = 3" in p.text or "c=3" in p.text
                or "c := 3" in p.text]  # fmt: skip
    assert found == tuple(filter(None, (class_name, function)))


def test_offsets_are_characters():
    code = "# Grüße, 日本, 😀\ndef größe():\n" + "    é = 'ü'\n" * 5 + "\nafter = 'ä'\n"
    document = read_code(code.encode(), "a.py")
    assert [(h.text, code[h.start : h.end]) for h in document.headings] == [
        ("größe", "# Grüße, 日本, 😀\ndef größe():\n"),
        ("", ""),
    ]
    assert code[document.headings[1].start :].strip() == "after = 'ä'"


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("def (((\n" * 200 + "class", "a.py"),
        ("{" * 5000, "a.js"),
        ("class A {" * 300, "a.java"),
        ("", "a.go"),
        ("a: 1\n", "a.yaml"),
        ("if (a) " * 20_000, "a.c"),
    ],
)
def test_broken_code_is_text(code, name):
    document = read(code.encode(), name)
    assert all(h.start <= h.end <= len(document.text) for h in document.headings)
    starts = [(h.start, h.end) for h in document.headings]
    assert all(first[1] <= second[0] for first, second in pairwise(starts))


def test_without_tree_sitter_there_are_no_headings(monkeypatch):
    monkeypatch.setitem(sys.modules, "tree_sitter", None)
    document = read_code(CALCULATOR.encode(), "tariffs.py")
    assert (document.headings, document.text) == ((), CALCULATOR)


def test_tree_sitter_is_only_loaded_in_the_worker():
    script = (
        "import sys; from ragkit.documents.detect import detect; "
        "from ragkit.documents.sandbox.sandbox import Sandbox; sandbox = Sandbox(); "
        f"(record,) = sandbox.read(detect({CALCULATOR.encode()!r}, 'a.py')); sandbox.close(); "
        "print(len(record.document.headings), 'tree_sitter' in sys.modules)"
    )
    result = subprocess.check_output([sys.executable, "-c", script], text=True)
    assert result.split() == ["4", "False"]


def test_the_formats_that_leave_this_process_are_those_with_a_grammar():
    assert {row.media_type for row in FORMATS.values() if row.native} == set(code._GRAMMARS)
