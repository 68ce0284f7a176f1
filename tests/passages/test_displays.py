"""Code and formulas that a text displays: marked ones, and those that only look like it."""

from __future__ import annotations

import pytest

from ragkit.passages.displays import display_lines, find_displays


def displayed(text):
    return ["\n".join(display_lines(text, *span)) for span in find_displays(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Run it.\n\n```sh\ngit push\n\ngit pull\n```\n\nIt ends.", ["git push\n\ngit pull"]),
        ("Run it.\n~~~\ngit push\n~~~\nIt ends.", ["git push"]),
        ("Run it.\n\n```\ngit push", ["git push"]),  # the passage ends inside of it
        ("1. Run it.\n\n   ```\n   git push\n   ```\n", ["git push"]),
        ("It is\n\n$$\nA = P\n$$\n\nwhere P", ["$$\nA = P\n$$"]),
        ("It is\n\\[ A = P \\]\nwhere P", ["\\[ A = P \\]"]),
        ("It is\n\\begin{align}\nA = P\n\\end{align}", ["\\begin{align}\nA = P\n\\end{align}"]),
        ("Call\n\n.. code-block:: python\n   :linenos:\n\n   f(x)\n\nthen", ["f(x)"]),
        ("So::\n\n  some words of text\n\n  more\n\nEnd.", ["some words of text\n\nmore"]),
        ("So:\n\n::\n\n   gcc a.c\n\nEnd.", ["gcc a.c"]),
        ("So\n#+BEGIN_SRC sh\nls here\n#+END_SRC\n", ["ls here"]),
        ("So\n\n----\nls here\n----\n\nEnd.", ["ls here"]),
        ("So\n\n    ls here\n      there\n\nEnd.", ["ls here\n  there"]),
        ("So\n\n\tls here\n\nEnd.", ["ls here"]),
    ],
)
def test_displays_with_marks(text, expected):
    assert displayed(text) == expected


@pytest.mark.parametrize(
    "display",
    [
        "E = m c^2",
        "M(x) = EI d2w/dx2     (3.1)",
        "x ∈ A → B",
        "σ ≈ 4,2 · F / A,",
        "Completion = 100% * (count() - remaining()) / count()",
        "keytool -genkey -alias me",
        "$ git push origin main",
        "C:\\Windows\\System32\\cmd.exe",
        ">>> print(1)",
        "user@host:~$ ls -l",
        "sqlite> SELECT name FROM users",
        "SELECT name FROM users\nWHERE id = 3;",
        "CREATE TABLE t(\nname TEXT NOT NULL,\nage INTEGER\n);",
        "int fcntl(int fd,\n   int cmd, struct flock *lock);",
        '{\n  "name": "x",\n  "list": [1, 2]\n}',
        "rc = open(name); // opens the file with that name\n\nclose(rc);",
        "https://example.org/a/b",
        "/usr/local/bin/ragkit serve",
        "面积 = πr²",
    ],
)
def test_displays_without_marks(display):
    """As in the text of a web page or a PDF."""
    assert displayed(f"It is as follows.\n\n{display}\n\nHere are more words of prose.") == [
        display
    ]


@pytest.mark.parametrize(
    "text",
    [
        "One paragraph (see below).\n\nAnother paragraph of words that says more.",
        "A value x = 5 in a line of words.\n\nThe value of x = 5 is said in words once more.",
        "One.\n\nSummary\n\nTwo.",
        "One.\n\n- item -x\n- x = 5\n\nTwo.",
        "One.\n\n| a | b = 3 |\n|---|---|\n| c | d |",
        "One.\n\nbackup_init()\n\nIt begins the backup.",  # names the next paragraph
        "One.\n\n**immutable=1**\n\nThe parameter says that nobody writes.",
        "Title\n~~~~~\n\nText.\n\nTitle\n~~~~~\n\nText.",
        "Title\n-----\n\nText.\n\nTitle\n-----\n\nText.",
        "One.\n\n    A quoted paragraph of plain words, which says something.\n\nTwo.",
        "- An item.\n\n    ls here\n",
        "The function is called load(X,Y). It\nworks like the other one.",
        "One line of text that goes on\nf(x) = 3 in the next\nline of it.",
        "一行文字。\n\n这一段 = 只是普通的文字而已。",
        "Smith, J. (2010)\n\nRoe, K. (2011)",
        "",
    ],
)
def test_prose_is_no_display(text):
    assert displayed(text) == []


def test_a_listing_is_no_display():
    """A source file is not what one sentence displays."""
    listing = "\n".join(f"x{number} = f({number});" for number in range(13))
    assert displayed(f"It is.\n\n{listing}\n\nSome words at the end of it.") == []
    assert displayed(f"It is.\n\n```\n{listing}\n```\n") == [listing]


def test_the_spans_have_no_white_space_around_them():
    text = "It is\n\n    E = mc\n\nwhere it is."
    assert [text[start:end] for start, end in find_displays(text)] == ["E = mc"]
