import pytest

from ragkit.cli.output.wrapping import StreamWrapper


def wrap(pieces, width):
    wrapper = StreamWrapper(width)
    return "".join([*(wrapper.feed(piece) for piece in pieces), wrapper.end()])


TEXT = "the quick brown fox\njumps over the lazy dog"
WRAPPED = "the quick\nbrown fox\njumps over\nthe lazy\ndog"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_the_result_does_not_depend_on_how_the_text_is_cut(size):
    pieces = [TEXT[start : start + size] for start in range(0, len(TEXT), size)]
    assert wrap(pieces, 10) == WRAPPED


def test_a_word_is_printed_only_when_it_is_complete():
    wrapper = StreamWrapper(80)
    assert wrapper.feed("half a wo") == "half a"
    assert wrapper.feed("rd ") == " word"
    assert wrapper.end() == ""


def test_scripts_without_spaces_break_at_any_letter_and_count_two_columns():
    assert wrap(["東京都千代田区"], 6) == "東京都\n千代田\n区"


def test_a_word_longer_than_the_line_stays_whole():
    assert wrap(["a " + "x" * 12 + " b"], 10) == "a\n" + "x" * 12 + "\nb"


@pytest.mark.parametrize("size", [1, 2, 100])
def test_lines_of_code_are_not_wrapped(size):
    text = "the quick brown fox\n\n    if the quick brown fox:\n        jump\n\nover the dog"
    pieces = [text[start : start + size] for start in range(0, len(text), size)]
    expected = text.replace("quick brown fox\n\n", "quick\nbrown fox\n\n", 1)
    assert wrap(pieces, 10) == expected.replace("over the dog", "over the\ndog")
