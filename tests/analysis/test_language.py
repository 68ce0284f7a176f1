"""The language of a text, by its stop words or as declared."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.analysis.language import STEMMERS, UNDETERMINED, detect_language, language_code
from ragkit.analysis.stopwords import STOP_WORDS
from tests.analysis.multilingual import PASSAGES


@pytest.mark.parametrize("expected", ["de", "fr", "ru", "ar"])
def test_stop_words_identify_the_language(expected):
    assert [detect_language(text) for text in PASSAGES[expected]] == [expected] * len(
        PASSAGES[expected]
    )


@pytest.mark.parametrize("other", ["zh", "ja", "ko", "th", "hi"])
def test_languages_without_a_stemmer_are_undetermined(other):
    assert {detect_language(text) for text in PASSAGES[other]} == {UNDETERMINED}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("O gato está na mesa e não quer sair de casa", "pt"),
        ("El gato está en la mesa y no quiere salir de casa", "es"),
        ("Il gatto è sul tavolo e non vuole uscire di casa", "it"),
        ("De kat zit op de tafel en wil niet naar buiten", "nl"),
        ("Kot siedzi na stole i nie chce wyjść z domu", "pl"),
        ("Η γάτα είναι στο τραπέζι και δεν θέλει να βγει", "el"),
        ("Кіт на столі і не хоче йти з дому, бо там дощ", "uk"),
        ("گربه روی میز است", UNDETERMINED),
    ],
)
def test_related_languages_are_distinguished(text, expected):
    assert detect_language(text) == expected


def test_the_declared_language_decides_only_without_stop_words():
    assert detect_language("Bezeichnung Menge Preis", "de-AT") == "de"
    assert detect_language("Bezeichnung Menge Preis") == "en"
    assert detect_language("Die Katze ist auf dem Dach und nicht im Haus", "en") == "de"
    assert detect_language("x = 1", "python") == "en"
    assert detect_language("", None) == UNDETERMINED


def test_declared_languages_have_many_spellings():
    assert [language_code(name) for name in ("de", "de-DE", "DE_at", "German", "nb-NO")] == [
        "de", "de", "de", "de", "no",
    ]  # fmt: skip
    assert [language_code(name) for name in (None, "", "tlh", "c++")] == [None] * 4


def test_every_stemmer_is_one_that_tantivy_has():
    from tantivy import Filter

    for name in STEMMERS.values():
        Filter.stemmer(name)


_SOME_STOP_WORDS = sorted({word for words in STOP_WORDS.values() for word in sorted(words)[::7]})


@given(
    st.lists(st.sampled_from([*_SOME_STOP_WORDS, "x1", "{}", "Haus"]), min_size=4, max_size=60),
    st.sampled_from([None, "de-AT", "pt", "French", "tlh"]),
)
def test_the_language_with_most_stop_words_is_found(words, declared):
    text = " ".join(words)
    sample = set(text[:400].lower().split())
    counts = {code: len(sample & stop_words) for code, stop_words in STOP_WORDS.items()}
    highest = max(counts.values())
    if highest < 2 or highest < 0.1 * len(sample):
        return
    best = [code for code, count in counts.items() if count == highest]
    declared_code = language_code(declared)
    expected = declared_code if declared_code in best else min(best)
    assert detect_language(text, declared) == expected
