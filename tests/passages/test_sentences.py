"""Sentences, list items and table rows that can be quoted alone."""

from __future__ import annotations

import pytest

from ragkit.passages.sentences import split_sentences


def split(text):
    return [text[sentence.start : sentence.end] for sentence in split_sentences(text)]


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
def test_headings_are_not_sentences(text, expected):
    assert split(text) == expected


def test_the_context_of_a_list_item_is_its_lead_in():
    text = "Rotate these keys:\n\n- the signing key\n- the key of the vault\n\nNothing else is."
    sentences = split_sentences(text)
    contexts = [sentence.context and text[slice(*sentence.context)] for sentence in sentences]
    assert split(text)[1:3] == ["- the signing key", "- the key of the vault"]
    assert contexts == [None, "Rotate these keys:", "Rotate these keys:", None]


def test_the_context_of_a_table_row_is_its_header():
    text = "| key | days |\n|---|---|\n| signing | 90 |\n| vault | 30 |"
    sentences = split_sentences(text)
    assert split(text) == ["| signing | 90 |", "| vault | 30 |"]
    assert {text[slice(*sentence.context)] for sentence in sentences} == {"| key | days |"}


def test_a_numbered_question_and_a_numbered_title_are_not_sentences():
    text = (
        "(12) I deleted a lot of data. Is this a bug?\n\nNo. Run the VACUUM command.\n\n"
        "10. Concurrent Use By Multiple Processes.\n\nOne writer at a time.\n\n"
        "3. Maximum Length Of A Statement\nThe limit is a billion bytes."
    )
    assert split(text) == [
        "No. Run the VACUUM command.", "One writer at a time.", "The limit is a billion bytes.",
    ]  # fmt: skip


def test_numbered_list_items_are_sentences():
    text = "1. Rotate the signing keys.\n\n2. Tell everyone about it."
    assert split(text) == ["1. Rotate the signing keys.", "2. Tell everyone about it."]


def test_a_known_heading_is_not_a_sentence():
    text = "Why we rotate keys.\n\nThey leak. Why we rotate keys is told here."
    sentences = split_sentences(text, ["Why we rotate keys"])
    assert [text[sentence.start : sentence.end] for sentence in sentences] == [
        "They leak.",
        "Why we rotate keys is told here.",
    ]


@pytest.mark.parametrize(
    "sentences",
    [
        ["Գրադարանը բացվում է ժամը իննին։", " Գրքերը տրվում են մեկ ամսով։"],
        ["ቤተ መጻሕፍቱ ዘጠኝ ሰዓት ይከፈታል።", " መቼ ይዘጋል፧", " ስድስት ሰዓት ነው።"],
        ["បណ្ណាល័យបើកនៅម៉ោងប្រាំបួន។", "សៀវភៅខ្ចីបានមួយខែ៕"],
        ["དཔེ་མཛོད་ཆུ་ཚོད་དགུ་པར་འབྱེད།", "དཔེ་ཆ་ཟླ་བ་གཅིག་གཡར་ཆོག།"],
        ["पुस्तकालय नौ बजे खुलता है।", " डॉ. शर्मा वहाँ हैं।"],
        ["لائبریری نو بجے کھلتی ہے۔", " کتابیں ایک ماہ کے لیے ملتی ہیں۔"],
        ["ရုံးခွဲများသည် ရန်ကုန်၊ မန္တလေးတွင် ရှိသည်။", " ရုံးချိန်မှာ မနက်ဖြစ်သည်။"],
        ["本製品は２．４．１０に対応しています。", "次の版は来年です．"],
    ],
)
def test_sentence_ends_of_many_scripts(sentences):
    text = "".join(sentences)
    found = [text[sentence.start : sentence.end] for sentence in split_sentences(text)]
    assert found == [sentence.strip() for sentence in sentences]


def test_a_display_is_one_span_and_has_the_sentence_before_it():
    first, display, rest = (
        "The general form is",
        "f(x) = a. Or:\n\n    g(x) = b",
        "where x is a number.",
    )
    text = f"{first}\n\n```\n{display}\n```\n\n{rest}\n\n```\nlone = 1\n```"
    sentences = split_sentences(text)
    assert [text[each.start : each.end] for each in sentences] == [
        "The general form is", f"```\n{display}\n```", rest, "```\nlone = 1\n```",
    ]  # fmt: skip
    assert [each.is_display for each in sentences] == [False, True, False, True]
    contexts = [each.context and text[slice(*each.context)] for each in sentences]
    assert contexts == [None, first, None, rest]
