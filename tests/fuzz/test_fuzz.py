"""A few hundred broken files; `make fuzz` reads ten thousand."""

import random

import pytest

from tests.fuzz.corpus import made
from tests.fuzz.mutations import broken
from tests.fuzz.run import SECONDS, fuzz

MUTATIONS = 300


@pytest.fixture(scope="module")
def findings(tmp_path_factory):
    return fuzz(MUTATIONS, 20_240, tmp_path_factory.mktemp("broken"))


def test_every_file_is_read_or_has_a_reason(findings):
    assert sum(findings.outcomes.values()) == MUTATIONS
    assert [(name, why) for name, why, _ in findings.wrong] == []


def test_some_are_read_and_some_are_not(findings):
    assert min(findings.outcomes["read"], findings.outcomes["failed"]) > MUTATIONS // 10


def test_no_file_takes_long(findings):
    assert max(findings.seconds)[0] < SECONDS


def test_the_same_seed_breaks_the_same():
    for data in made().values():
        first, second = (broken(data, random.Random(7)) for _ in range(2))
        assert first == second
