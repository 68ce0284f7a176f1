"""Sentences that can stand alone."""

from __future__ import annotations

import pytest

from ragkit.answers.sentences import sentences


def said(text):
    return [text[each.start : each.end] for each in sentences(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One is here. Two is there, e.g. now.", ["One is here.", "Two is there, e.g. now."]),
        ("It runs over\ntwo lines. Next one.", ["It runs over\ntwo lines.", "Next one."]),
        ("鑰匙每九十天更換。私鑰放在保險庫。", ["鑰匙每九十天更換。", "私鑰放在保險庫。"]),
        ("これは一つ。次は二つ！", ["これは一つ。", "次は二つ！"]),
        ("Ключи меняют. Храните их там!", ["Ключи меняют.", "Храните их там!"]),
        ("هل تعمل؟ نعم تعمل كل يوم.", ["هل تعمل؟", "نعم تعمل كل يوم."]),
        ("यह पहला वाक्य है। यह दूसरा वाक्य है।", ["यह पहला वाक्य है।", "यह दूसरा वाक्य है।"]),
        ("# Keys\n\nRotate them often.", ["Rotate them often."]),
        ("Keys And Storage\n\nRotate them often.", ["Rotate them often."]),
        ("Storage\n~~~~~~~\n\nKeep them safe.", ["Keep them safe."]),
        ("2.1 Storage of keys\n\nKeep them safe.", ["Keep them safe."]),
        ("* * *\n\n----\n\nRotate them often.", ["Rotate them often."]),
        ("", []),
    ],
)
def test_whole_ones_and_no_headings(text, expected):
    assert said(text) == expected


def test_an_item_is_said_with_its_lead_in():
    text = "Rotate these keys:\n\n- the signing key\n- the key of the vault\n\nNothing else is."
    found = sentences(text)
    contexts = [each.context and text[slice(*each.context)] for each in found]
    assert said(text)[1:3] == ["- the signing key", "- the key of the vault"]
    assert contexts == [None, "Rotate these keys:", "Rotate these keys:", None]


def test_a_row_is_said_with_its_header():
    text = "| key | days |\n|---|---|\n| signing | 90 |\n| vault | 30 |"
    found = sentences(text)
    assert said(text) == ["| signing | 90 |", "| vault | 30 |"]
    assert {text[slice(*each.context)] for each in found} == {"| key | days |"}


def test_a_numbered_question_and_a_numbered_title_are_no_sentences():
    text = (
        "(12) I deleted a lot of data. Is this a bug?\n\nNo. Run the VACUUM command.\n\n"
        "10. Concurrent Use By Multiple Processes.\n\nOne writer at a time.\n\n"
        "3. Maximum Length Of A Statement\nThe limit is a billion bytes."
    )
    assert said(text) == [
        "No. Run the VACUUM command.", "One writer at a time.", "The limit is a billion bytes.",
    ]  # fmt: skip


def test_items_of_a_list_stay_sentences():
    text = "1. Rotate the signing keys.\n\n2. Tell everyone about it."
    assert said(text) == ["1. Rotate the signing keys.", "2. Tell everyone about it."]


def test_a_heading_that_is_known_is_none():
    text = "Why we rotate keys.\n\nThey leak. Why we rotate keys is told here."
    found = [text[each.start : each.end] for each in sentences(text, ["Why we rotate keys"])]
    assert found == ["They leak.", "Why we rotate keys is told here."]
