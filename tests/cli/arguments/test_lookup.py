import pytest

from ragkit.cli.arguments.parser import parser


def parse(*argv):
    return parser(argv).parse_args(argv)


def test_the_options_of_grep_are_those_of_grep_programs():
    parsed = parse("grep", "-i", "-w", "-F", "-C", "2", "-g", "*.md", "a.b")
    assert (parsed.ignore_case, parsed.word, parsed.literal) == (True, True, True)
    assert (parsed.context, parsed.glob, parsed.pattern) == (2, "*.md", "a.b")


@pytest.mark.parametrize("command", ["grep", "glob", "tree", "read"])
def test_what_may_be_long_has_a_budget_and_a_cursor(command):
    words = [command] if command == "tree" else [command, "x"]
    parsed = parse(*words, "--max-tokens", "500", "--cursor", "3:4")
    assert (parsed.max_tokens, parsed.cursor) == (500, "3:4")


def test_several_collections_are_kept_in_their_order():
    parsed = parse("-c", "a", "-c", "b", "related", "x", "-c", "c")
    assert parsed.collections_before == ["a", "b"]
    assert parsed.named_collections == ["c"]
    assert parsed.collection == "c"
