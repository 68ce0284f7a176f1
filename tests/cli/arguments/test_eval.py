import pytest

from ragkit.cli.arguments.parser import parser
from ragkit.evaluation.run import PROTOCOLS


def parse(*argv):
    return parser(argv).parse_args(argv)


def test_eval_takes_a_dataset_and_measures_the_collection_protocol_by_default():
    arguments = parse("eval", "beir/cranfield", "--mode", "hybrid", "--run", "out.trec")
    assert (arguments.dataset, arguments.mode) == ("beir/cranfield", "hybrid")
    assert (arguments.run_file, arguments.protocol) == ("out.trec", "collection")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_protocol_can_be_chosen(protocol):
    assert parse("eval", "x", "--protocol", protocol).protocol == protocol
