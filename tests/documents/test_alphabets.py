"""Letters of languages: a guess for a text of the Baltic."""

import pytest

from ragkit.documents.alphabets import is_baltic


def reread(text, encoding):
    return text.encode("cp1257").decode(encoding)


@pytest.mark.parametrize("encoding", ["cp1250", "cp1254", "cp1252"])
def test_letters_of_no_language_are_those_of_the_baltic(encoding):
    text = "žiūrėkite šeštą skyrių, Įrenginys"
    assert is_baltic(text, reread(text, encoding))


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Façade où l'hôtel brûle, naïf, maître, ça, à", "cp1252"),
        ("Não há razão, à força você põe", "cp1252"),
        ("Größe der Tür: süß und schön", "cp1252"),
        ("Příliš žluťoučký kůň úpěl ďábelské ódy", "cp1250"),
        ("Üç öğün çılgın şeker", "cp1254"),
        ("šaš", "cp1257"),  # too few letters to say
    ],
)
def test_texts_of_other_languages_are_not(text, encoding):
    assert not is_baltic(text.encode(encoding).decode("cp1257", "replace"), text)
