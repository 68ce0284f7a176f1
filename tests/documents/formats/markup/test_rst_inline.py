"""reStructuredText as it is displayed."""

import pytest

from ragkit.documents.formats.markup.rst_inline import displayed_text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (".. |prod| replace:: Falcon 9000\n\nThe |prod| pump", "\n\nThe Falcon 9000 pump"),
        ("See :ref:`the manual <man>` and :py:func:`~a.b.run`.", "See the manual and run."),
        ("See `the docs <https://x.y>`_ and `more`_.", "See the docs and more."),
        (".. _docs: https://x.y\n\nSee docs_ and other_.", "\n\nSee docs and other_."),
        (".. a comment\n   goes on\n\ntext", "\n\n\ntext"),
        (".. note:: Hot\n\n   Wait.", ".. note:: Hot\n\n   Wait."),
        (".. only:: html\n\n   Words.", "\n\n   Words."),
        ("Code::\n\n   |prod| `a`_\n", "Code::\n\n   |prod| `a`_\n"),
        (".. code-block:: rst\n\n   .. comment", ".. code-block:: rst\n\n   .. comment"),
        ("``a_b`` and |unknown|", "``a_b`` and |unknown|"),
        (".. [1] A note", ".. [1] A note"),
    ],
)
def test_lines_are_what_a_reader_sees(source, text):
    assert displayed_text(source) == text


def test_the_address_of_a_link_may_be_on_the_next_line():
    assert displayed_text("Sorts are `stable\n  <https://x.org/a>`_. Next\n") == (
        "Sorts are stable\n. Next\n"
    )


@pytest.mark.parametrize(
    ("source", "text"),
    [  # expected: what `docutils` writes, without the addresses
        ("See docs__ and `more docs`__.\n\n__ https://a.example\n__ https://b.example",
         "See docs and more docs.\n\n\n"),
        ("See docs__.\n\n.. __: https://a.example", "See docs.\n\n"),
        ("Call a__ of __init__ here.", "Call a__ of __init__ here."),
        ("Sections\n========\n\nAs in sections_ and other_.",
         "Sections\n========\n\nAs in sections and other_."),
        ("- See oil_.\n\n  .. _oil: https://a.example", "- See oil.\n\n"),
        ("Known [1]_ and [#]_ and [CIT2002]_, not ``[1]_``.",
         "Known [1]_ and [#]_ and [CIT2002]_, not ``[1]_``."),
        ("Known [1]_ and [#]_ and [CIT2002]_.", "Known [1] and [#] and [CIT2002]."),
        ("Not x[1]_, \\[1]_, (x)[1]_ or .[1]_.", "Not x[1]_, \\[1]_, (x)[1]_ or .[1]_."),
        ('But ([1]_), "[1]_" and -[1]_.', 'But ([1]), "[1]" and -[1].'),
        ("Go\n==\n\nSee go_.", "Go\n==\n\nSee go."),
        ("ab\n-\n\nSee ab_.", "ab\n-\n\nSee ab_."),
        ("An _`inline target` here, a `<https://a.example>`_.",
         "An inline target here, a https://a.example."),
    ],
)  # fmt: skip
def test_references_to_titles_notes_and_anonymous_targets(source, text):
    assert displayed_text(source) == text
