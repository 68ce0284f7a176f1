import pytest

from ragkit.cli.arguments.parser import parser


def parse(*argv):
    return parser(argv).parse_args(argv)


def test_index_takes_paths_and_repeatable_globs():
    arguments = parse("index", "a", "b", "--include", "*.md", "--include", "*.txt")
    assert (arguments.paths, arguments.include) == (["a", "b"], ["*.md", "*.txt"])
    assert (arguments.exclude, arguments.prune, arguments.watch) == (None, False, False)


@pytest.mark.parametrize(
    ("flags", "expected"), [((), None), (("--records",), True), (("--no-records",), False)]
)
def test_records_can_be_on_off_or_as_before(flags, expected):
    assert parse("index", *flags).records is expected


def test_get_takes_one_reference_and_lines_of_context():
    arguments = parse("get", "path#L10-L42", "--context", "3")
    assert (arguments.reference, arguments.context) == ("path#L10-L42", 3)
    assert parse("get", "7").context == 0


def test_ls_takes_paths_or_none():
    assert parse("ls").paths == []
    assert parse("ls", "--why", "x").why is True


def test_remove_needs_a_path(capsys):
    with pytest.raises(SystemExit):
        parse("remove")
    assert "PATH" in capsys.readouterr().err


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_completion_takes_a_shell(shell):
    assert parse("completion", shell).shell == shell


def test_models_takes_names_and_bench():
    assert parse("models", "a", "--bench").names == ["a"]
