import pytest

from ragkit.cli.arguments.parser import parser
from ragkit.evaluation.run import PROTOCOLS


def parse(*argv):
    return parser(argv).parse_args(argv)


def test_eval_takes_a_dataset_a_mode_and_a_file():
    arguments = parse("eval", "beir/cranfield", "--mode", "hybrid", "--run", "out.trec")
    assert (arguments.dataset, arguments.mode) == ("beir/cranfield", "hybrid")
    assert (arguments.run_file, arguments.protocol) == ("out.trec", None)  # collection


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_protocol_can_be_chosen(protocol):
    assert parse("eval", "x", "--protocol", protocol).protocol == protocol
