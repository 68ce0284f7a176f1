import pytest

from ragkit.cli.arguments.parser import parser


def parse(*argv):
    return parser(argv).parse_args(argv)


def test_the_defaults_are_those_of_the_documentation():
    arguments = parse("train", "pairs.jsonl", "-o", "model")
    assert (arguments.epochs, arguments.learning_rate, arguments.warmup) == (1, 2e-5, 0.1)
    assert (arguments.dev_share, arguments.evaluations, arguments.patience) == (0.1, 10, 3)
    assert (arguments.objective, arguments.pooling, arguments.batch_size) == (None, None, None)


def test_an_output_folder_is_needed(capsys):
    with pytest.raises(SystemExit):
        parse("train", "pairs.jsonl")
    assert "-o/--output" in capsys.readouterr().err


@pytest.mark.parametrize("objective", ["cosine", "cosent", "softmax", "ranking"])
def test_every_objective_can_be_chosen(objective):
    assert parse("train", "p", "-o", "m", "--objective", objective).objective == objective
