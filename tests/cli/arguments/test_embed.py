import pytest

from ragkit.cli.arguments.parser import parser


def parse(*argv):
    return parser(argv).parse_args(argv)


def test_embed_takes_texts_a_word_and_layers():
    arguments = parse("embed", "a b", "c", "--word", "b", "--layers", "mean(-4:)")
    assert (arguments.texts, arguments.word, arguments.layers) == (["a b", "c"], "b", "mean(-4:)")


@pytest.mark.parametrize("pooling", ["cls", "mean", "max"])
@pytest.mark.parametrize("command", ["embed", "similarity"])
def test_the_three_poolings_of_the_contract_can_be_chosen(command, pooling):
    assert parse(command, "x", "--pooling", pooling).pooling == pooling


def test_similarity_takes_two_texts_or_a_file():
    assert parse("similarity", "a", "b").texts == ["a", "b"]
    assert parse("similarity", "--pairs", "p.tsv").pairs == "p.tsv"


def test_explain_takes_one_text_a_word_and_a_picture():
    arguments = parse("explain", "a b", "--word", "b", "--png", "x.png", "--layer", "2")
    assert (arguments.text, arguments.word, arguments.png) == ("a b", "b", "x.png")
    assert (arguments.layer, arguments.neighbors, arguments.json) == (2, 5, False)
