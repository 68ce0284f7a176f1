import pytest

from ragkit.cli.arguments.parser import parser
from ragkit.cli.arguments.query import duration, typed_options


def parse(*argv):
    return parser(argv).parse_args(argv)


def test_only_what_was_typed_overrides_the_settings():
    assert typed_options(parse("query", "x")) == {}
    typed = parse("query", "x", "-k", "3", "--mode", "hybrid", "--min-score", "0.5", "--exact")
    assert typed_options(typed) == {"k": 3, "mode": "hybrid", "min_score": 0.5, "exact": True}


def test_lambda_is_diverse_with_a_number():
    assert typed_options(parse("query", "x", "--diverse")) == {"diverse": True}
    assert typed_options(parse("query", "x", "--lambda", "0.3")) == {"diverse": 0.3}


@pytest.mark.parametrize(("text", "seconds"), [("300ms", 0.3), ("1.5s", 1.5), ("2s", 2.0)])
def test_a_duration_is_seconds(text, seconds):
    assert duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["300", "fast", "ms", "3m", ""])
def test_a_duration_without_unit_or_number_is_refused(text):
    with pytest.raises(ValueError, match=r"^\w*$|could not convert"):
        duration(text)


def test_a_query_may_be_missing_for_a_batch():
    arguments = parse("query", "--batch", "q.jsonl", "--format", "trec")
    assert (arguments.text, arguments.batch, arguments.format) == (None, "q.jsonl", "trec")
