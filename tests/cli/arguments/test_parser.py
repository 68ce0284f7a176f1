import argparse
import subprocess
import sys

import pytest

from ragkit.cli import main
from ragkit.cli.arguments.parser import every_action, parser

COMMANDS = {
    "init", "index", "query", "search", "ask", "chat", "get", "status", "ls", "remove", "models",
    "embed", "similarity", "train", "eval", "serve", "mcp", "completion",
    "doctor", "backup", "restore", "export", "import", "trust", "config", "cache",
    "grep", "glob", "tree", "read", "related", "install-agent",
    "judge", "migrate", "explain", "duplicates", "topics", "map", "tune", "distill",
}  # fmt: skip


def subcommands(top):
    (action,) = [a for a in top._actions if isinstance(a, argparse._SubParsersAction)]
    return action.choices


def test_every_command_that_writes_can_wait_for_the_lock():
    writing = ("index", "remove", "doctor", "restore", "migrate", "tune", "topics")
    commands = subcommands(parser())
    for name in writing:
        assert "--wait" in commands[name]._option_string_actions, name


def test_the_parser_has_every_command_of_the_contract():
    assert subcommands(parser()).keys() == COMMANDS


@pytest.mark.parametrize(
    "argv",
    [["query", "x"], ["-c", "kit", "query", "x"], ["--debug", "--collection", "kit", "query"]],
)
def test_only_the_parser_of_the_called_command_is_built(argv):
    assert subcommands(parser(argv)).keys() == {"query", "search"}


def test_without_a_known_command_the_parser_has_the_names_of_all():
    assert subcommands(parser(["frobnicate"])).keys() == COMMANDS
    assert subcommands(parser(["--help"])).keys() == COMMANDS


def test_the_help_without_a_command_is_that_of_the_complete_parser():
    assert parser(["--help"]).format_help() == parser().format_help()


@pytest.mark.parametrize("argv", [["--coll", "kit", "ls"], ["--deb", "-c", "ls", "ls"]])
def test_a_command_after_an_abbreviated_option_is_found(argv):
    assert parser(argv).parse_args([*argv, "--json"]).json


def test_the_help_imports_no_arguments_of_commands():
    code = (
        "import sys; from ragkit.cli.arguments.parser import parser; parser(['--help']);"
        "print([n for n in sys.modules if n.startswith('ragkit.')])"
    )
    output = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert "ragkit.cli.arguments.parser" in output
    assert "ragkit.cli.arguments.query" not in output
    assert "ragkit.settings" not in output


@pytest.mark.parametrize("argv", [["-c", "kit", "status"], ["status", "-c", "kit"]])
def test_the_collection_may_precede_or_follow_the_command(argv):
    assert parser(argv).parse_args(argv).collection == "kit"


def test_an_error_is_one_line_that_names_the_help(capsys):
    with pytest.raises(SystemExit) as exit_:
        parser(["query"]).parse_args(["query", "--nonsense"])
    assert exit_.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("ragkit: ")
    assert captured.err.endswith("; see: ragkit --help\n")


def test_every_option_of_every_command_has_a_help_text():
    without = [
        action.option_strings or action.dest
        for action in every_action(parser())
        if not action.help and not isinstance(action, argparse._SubParsersAction)
    ]
    assert without == ["shell"]  # `completion` lists its choices


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["qurey", "x"], "no command is called 'qurey' (did you mean query?); see: ragkit --help"),
        (["query", "x", "--jsom"], "unrecognized arguments: --jsom (did you mean --json?)"),
        (["query", "x", "--mode", "lexcal"], "invalid choice: 'lexcal' (did you mean lexical?)"),
        (["frobnicate"], "invalid choice: 'frobnicate' (choose from"),
    ],
)
def test_a_misspelt_name_gets_the_nearest_one(argv, message, capsys):
    with pytest.raises(SystemExit) as caught:
        parser(argv).parse_args(argv)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_without_arguments_the_help_is_printed(capsys):
    with pytest.raises(SystemExit) as caught:
        main([])
    assert caught.value.code == 0
    output, errors = capsys.readouterr()
    assert output.startswith("usage: ragkit")
    assert errors == ""
