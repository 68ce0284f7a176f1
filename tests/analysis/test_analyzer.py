"""Terms of a text: words, identifiers, stems, accents, scripts without spaces."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.analysis.analyzer import (
    MAX_WORD_LENGTH,
    Analyzer,
    _TermCache,
    analyzer_for,
    normalize,
    split_words,
)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("HTTPServer2", ["httpserver2", "http server 2"]),
        ("parseURL", ["parseurl", "pars url"]),
        ("max_passage_length", ["max_passage_length", "max passag length"]),
        ("os.path.join", ["os path join", "os.path.join"]),
        ("__init__", ["init"]),
        ("APIs", ["api"]),
        ("sha256 word1", ["sha256 word1"]),
        ("state-of-the-art", ["state ~of ~the art"]),
        ("see foo_bar(x).", ["see foo_bar x", "foo bar"]),
    ],
)
def test_an_identifier_yields_itself_and_its_parts(text, terms):
    assert analyzer_for("en").index_terms(text) == terms


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        ("en", "rotating", "rotation"),
        ("de", "Versicherungen", "Versicherung"),
        ("de", "Straße", "Strasse"),
        ("fr", "école", "écoles"),
        ("fr", "cafe\u0301", "CAFÉ"),
        ("ru", "яблоки", "яблок"),
        ("es", "operación", "operaciones"),
        ("en", "ﬁle", "file"),
        ("en", "soft\u00adhyphen", "softhyphen"),
        ("und", "Łódź", "lodz"),
    ],
)
def test_inflected_forms_share_one_term(language, one, other):
    assert analyzer_for(language).index_terms(one) == analyzer_for(language).index_terms(other)


def test_accents_are_removed_after_stemming():
    # Snowball's French: -ées and -é are endings, -ees and -e are not.
    assert analyzer_for("fr").index_terms("récoltées") == analyzer_for("fr").index_terms("récolté")


def test_scripts_without_spaces_yield_overlapping_ngrams():
    # The last character is a suffix term: no bigram begins with 都.
    assert analyzer_for("und").index_terms("東京都") == ["東京 京都", "都"]
    assert analyzer_for("und").index_terms("猫") == ["猫"]
    assert analyzer_for("und").index_terms("กขคง") == ["กขค ขคง", "คง"]
    assert analyzer_for("und").index_terms("abc東京 7") == ["abc 東京 7", "京"]


def test_vowel_signs_do_not_split_words():
    assert split_words(normalize("हिन्दी भाषा")) == ["हिन्दी", "भाषा"]


def test_stop_words_depend_on_the_language():
    assert analyzer_for("de").index_terms("die Katze") == ["~die katz"]
    assert analyzer_for("en").index_terms("they die") == ["~they die"]


def test_text_without_words_yields_no_terms():
    assert analyzer_for("en").index_terms("") == [""]
    assert "".join(analyzer_for("en").index_terms("?! \x00 ---")).split() == []
    assert analyzer_for("en").index_terms(
        "x" * MAX_WORD_LENGTH + " " + "y" * (MAX_WORD_LENGTH + 1)
    ) == ["x" * MAX_WORD_LENGTH + " "]


def test_umlauts_and_digraphs_are_spelling_variants():
    german = analyzer_for("de")
    assert german.term("München") in german.spelling_variants("Muenchen")
    assert german.term("Muenchen") in german.spelling_variants("München")
    assert analyzer_for("en").spelling_variants("Muenchen") == set()


def test_another_thread_finds_no_chunk_before_all_that_it_yields():
    cache = _TermCache(analyzer_for("de")._analyze_chunk)

    class Watched(dict):
        def __setitem__(self, chunk, value):
            assert chunk not in cache
            super().__setitem__(chunk, value)

    cache.traits, cache.alternatives = Watched(), Watched()
    assert cache["HTTPServer"] == "httpserv"
    assert cache.traits.keys() == cache.alternatives.keys() == {"HTTPServer"}


def test_chunks_with_a_term_are_those_whose_terms_have_it():
    text = (
        'The keys, (rotating) "Rotated" rotates. A GPU, GPUs parseURL max_size os.path .NET C# '
        "DEC-0054 self-made 'tis don't Äpfel naïve _name end_ e.g. e.g 10,000 <b>keys</b> 数据备份"
    )
    for language in ("en", "de", "und"):
        chunks = text.split()
        terms_of = {chunk: chunk_terms(language, chunk) for chunk in chunks}
        for term in set().union(*terms_of.values()):
            fresh = Analyzer(language)  # with nothing in its cache
            expected = {chunk for chunk in chunks if term in terms_of[chunk]}
            assert set(fresh.chunks_with(chunks, {term})) == expected, term


def chunk_terms(language, chunk):
    """The terms of a chunk's words and of their alternatives."""
    analyzer = Analyzer(language)
    words = split_words(normalize(chunk))
    rows = [analyzer.word_terms(word) for word in words]
    terms = {term.term for row in rows for term in row.sequence}
    terms |= {term.term for row in rows for other in row.alternatives for term in other}
    return terms | {suffix for row in rows for suffix in row.suffixes}


@given(
    st.sampled_from(["en", "de", "hi", "ar", "und"]),
    st.text("abcIU.,;()'\"-_/#19ßÄßéİñ" + "\u0915\u0940\u0e01\u6f22\u0627\u00ad\u2019", max_size=7),
)
def test_a_chunk_has_the_terms_of_its_words(language, chunk):
    # Most chunks are one word, whose terms are found in fewer steps.
    analyzer = Analyzer(language)
    words = [analyzer.word_terms(word) for word in split_words(normalize(chunk))]
    expected = " ".join(term.term for terms in words for term in terms.sequence)
    assert " ".join(analyzer._analyze_chunk(chunk)[0].split()) == " ".join(expected.split())
    alternatives = [
        row
        for terms in words
        for row in (*(" ".join(t.term for t in row) for row in terms.alternatives), *terms.suffixes)
    ]
    assert analyzer._analyze_chunk(chunk)[1] == alternatives


@given(st.text("aé\u00ad\u200b\u200c\u200d\u2060\ufeff\ufb01\uff11"))
def test_a_normalized_text_has_no_invisible_characters_inside_words(text):
    kept = "".join(char for char in text if char not in "\u00ad\u200c\u200d\u2060\ufeff")
    assert normalize(text) == unicodedata.normalize("NFKC", kept)
