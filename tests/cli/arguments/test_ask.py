import pytest

from ragkit.cli.arguments.parser import parser
from ragkit.cli.arguments.query import typed_options


def parse(*argv):
    return parser(argv).parse_args(argv)


def test_ask_takes_a_question_and_the_options_of_a_search():
    arguments = parse("ask", "why?", "-k", "4", "--where", "type = pdf", "--no-llm")
    assert (arguments.text, arguments.no_llm) == ("why?", True)
    assert typed_options(arguments) == {"k": 4, "where": "type = pdf"}


@pytest.mark.parametrize("option", ["--context", "--explain", "--budget"])
def test_options_that_change_nothing_in_an_answer_are_not_offered(option, capsys):
    with pytest.raises(SystemExit):
        parse("ask", "why?", option, "1")
    assert "unrecognized arguments" in capsys.readouterr().err


def test_chat_takes_no_question():
    assert parse("chat", "--mode", "dense").mode == "dense"
