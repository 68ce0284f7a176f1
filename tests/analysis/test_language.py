import pytest

from ragkit.analysis.language import STEMMERS, UNKNOWN, code, language
from tests.analysis.multilingual import PASSAGES


@pytest.mark.parametrize("expected", ["de", "fr", "ru", "ar"])
def test_passages_are_told_by_their_little_words(expected):
    assert [language(text) for text in PASSAGES[expected]] == [expected] * len(PASSAGES[expected])


@pytest.mark.parametrize("other", ["zh", "ja", "ko", "th", "hi"])
def test_languages_without_a_stemmer_are_left_alone(other):
    assert {language(text) for text in PASSAGES[other]} == {UNKNOWN}


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
        ("گربه روی میز است", UNKNOWN),
    ],
)
def test_neighbours_are_told_apart(text, expected):
    assert language(text) == expected


def test_the_document_decides_only_what_its_words_leave_open():
    assert language("Bezeichnung Menge Preis", "de-AT") == "de"
    assert language("Bezeichnung Menge Preis") == "en"
    assert language("Die Katze ist auf dem Dach und nicht im Haus", "en") == "de"
    assert language("x = 1", "python") == "en"
    assert language("", None) == UNKNOWN


def test_languages_are_declared_in_many_ways():
    assert [code(each) for each in ("de", "de-DE", "DE_at", "German", "nb-NO")] == [
        "de", "de", "de", "de", "no",
    ]  # fmt: skip
    assert [code(each) for each in (None, "", "tlh", "c++")] == [None] * 4


def test_every_stemmer_is_one_that_tantivy_has():
    from tantivy import Filter

    for name in STEMMERS.values():
        Filter.stemmer(name)
