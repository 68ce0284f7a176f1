"""What is marked in the text of a hit: the words that the search found, in any form."""

from __future__ import annotations

import pytest

from ragkit.analysis.query_syntax import parse_query
from ragkit.records.hits import Hit
from ragkit.retrieval.highlights import add_highlights
from ragkit.storage.lexical.index import LexicalIndex

FILLER = "系统的设置说明如下，"


def marked(query: str, text: str, language: str | None = None, *others: str) -> list[str]:
    """Return the marked parts of a passage beside other passages of its collection."""
    rows = [(n, passage, language) for n, passage in enumerate((text, *others), start=1)]
    index = LexicalIndex.in_memory(rows, generation=1)
    (hit,) = add_highlights(index, parse_query(query), [a_hit(text)])
    assert hit.highlights is not None
    return [text[start:end] for start, end in hit.highlights]


def a_hit(text: str) -> Hit:
    scores = dict.fromkeys(("dense", "lexical", "fused", "rerank"))
    return Hit(
        rank=1, score=None, passage_id=1, text=text, path="a.md", title="a.md", heading=(),
        page=None, locator=None, start_line=1, end_line=1, start=0, end=len(text),
        citation="a.md#L1", scores=scores, metadata={}, stale=False, root="/",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("language", "query", "text", "expected"),
    [
        ("en", "rotated keys", "Rotate the key. Keys rotate.", ["Rotate", "key", "Keys", "rotate"]),
        ("de", "Haus", "Zwei Häuser und ein Haus.", ["Häuser", "Haus"]),
        ("de", "Strasse", "Die Straße ist gesperrt.", ["Straße"]),
        ("de", "Kündigungsfrist", "Die Frist der Kündigung endet.", ["Frist", "Kündigung"]),
        ("de", "Einkaufspreise", "Die Ein- und Verkaufspreise steigen.",
         ["Ein- und Verkaufspreise"]),
        ("ru", "книга", "В книге много страниц.", ["книге"]),
        ("he", "איש", "הרבה אנשים הגיעו.", ["אנשים"]),  # by the dictionary
        ("hi", "किताब", "यह किताब कहाँ की है, किताबें कल तक रखो।", ["किताब", "किताबें"]),
        ("fa", "1403", "در سال ۱۴۰۳ تصویب شد.", ["۱۴۰۳"]),
        ("he", "ספר", "קראתי סֵפֶר אחד.", ["סֵפֶר"]),
        ("zh", "数据备份", f"{FILLER}数据备份每天运行。{FILLER}", ["数据备份"]),
        ("zh", "資料庫", "我们的资料库很大。", ["资料库"]),
        ("zh", "书", "读书和书店。", ["书", "书"]),
        ("ja", "サーバー", "新しいサーバを買う。ユーザーが増えた。", ["サーバ"]),
        ("th", "สัญญา", "ผู้เช่าต้องลงนามในสัญญาเช่าก่อนวันที่กำหนด", ["สัญญา"]),
        ("de", "3. Oktober 2024", "Er endet am 03.10.2024 mittags.", ["03.10.2024"]),
        ("en", "5kg", "A box of 5 kg is heavy.", ["5 kg"]),
        ("en", "USA", "The U.S.A. joined later.", ["U.S.A."]),
        ("en", "ISO 27001", "We follow ISO-27001 now.", ["ISO-27001"]),
        ("en", "max retries", "Set maxRetries or max_retries.", ["maxRetries", "max", "retries"]),
        ("en", "path", "Use os.path here.", ["path"]),
        ("en", "how do we rotate keys", "We do rotate it.", ["rotate"]),
        ("en", "to be or not", "To be is to do.", ["To", "be", "to"]),
    ],
)  # fmt: skip
def test_the_words_that_the_search_found_are_marked(
    language: str, query: str, text: str, expected: list[str]
):
    assert marked(query, text, language) == expected


def test_a_misspelled_word_marks_its_correction():
    assert marked("rotaton", "The rotation of keys.", "en") == ["rotation"]


def test_offsets_count_characters_of_the_text_as_it_is():
    text = "😀 Der Ca\u0308sar, der Cafe\u0301 trinkt: ﬁnden; ＡＢＣ ver\u00adtrag"
    assert marked("finden", text, "de") == ["ﬁnden"]
    assert marked("Cäsar", text, "de") == ["Ca\u0308sar"]
    assert marked("Café", text, "de") == ["Cafe\u0301"]
    assert marked("abc", text, "de") == ["ＡＢＣ"]
    assert marked("Vertrag", text, "de") == ["ver\u00adtrag"]


def test_each_passage_is_read_in_its_own_language():
    english = "The house has a gift for the guests."
    assert marked("Haus Häuser", "Das Haus und die Häuser.", "de", english) == ["Haus", "Häuser"]


def test_a_passage_without_words_of_the_query_has_no_marks():
    assert marked("zebra", "The rotation of keys.", "en") == []
