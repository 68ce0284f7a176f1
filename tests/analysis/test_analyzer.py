import pytest

from ragkit.analysis.analyzer import LONGEST, analysis, normal, words


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
def test_an_identifier_is_itself_and_its_parts(text, terms):
    assert analysis("en").text(text) == terms


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
def test_forms_of_a_word_are_one_term(language, one, other):
    assert analysis(language).text(one) == analysis(language).text(other)


def test_accents_go_after_endings_which_are_told_apart_by_them():
    # Snowball's French: -ées and -é are endings, -ees and -e are not.
    assert analysis("fr").text("récoltées") == analysis("fr").text("récolté")


def test_scripts_without_spaces_give_overlapping_characters():
    # The last sign alone as well: 都 begins no pair.
    assert analysis("und").text("東京都") == ["東京 京都", "都"]
    assert analysis("und").text("猫") == ["猫"]
    assert analysis("und").text("กขคง") == ["กขค ขคง", "คง"]
    assert analysis("und").text("abc東京 7") == ["abc 東京 7", "京"]


def test_vowel_signs_do_not_cut_words():
    assert words(normal("हिन्दी भाषा")) == ["हिन्दी", "भाषा"]


def test_stop_words_are_those_of_the_language():
    assert analysis("de").text("die Katze") == ["~die katz"]
    assert analysis("en").text("they die") == ["~they die"]


def test_what_is_no_word_is_nothing():
    assert analysis("en").text("") == [""]
    assert "".join(analysis("en").text("?! \x00 ---")).split() == []
    assert analysis("en").text("x" * LONGEST + " " + "y" * (LONGEST + 1)) == ["x" * LONGEST + " "]


def test_umlauts_may_be_written_as_two_letters():
    german = analysis("de")
    assert german.term("München") in german.spellings("Muenchen")
    assert german.term("Muenchen") in german.spellings("München")
    assert analysis("en").spellings("Muenchen") == set()
