"""A few hundred mutated files; `make fuzz` reads ten thousand."""

import random

import pytest

from tests.fuzz.corpus import small_files
from tests.fuzz.mutations import mutate
from tests.fuzz.run import fuzz

MUTATIONS = 300


@pytest.fixture(scope="module")
def findings(tmp_path_factory):
    return fuzz(MUTATIONS, 20_240, tmp_path_factory.mktemp("broken"))


def test_every_file_is_read_or_has_a_reason(findings):
    """A reader that hangs is among the wrong ones: it took longer than allowed."""
    assert sum(findings.outcomes.values()) == MUTATIONS
    assert [(name, why) for name, why, _ in findings.wrong] == []


def test_some_files_are_read_and_some_fail(findings):
    assert min(findings.outcomes["read"], findings.outcomes["failed"]) > MUTATIONS // 10


def test_the_same_seed_gives_the_same_mutations():
    for data in small_files().values():
        first, second = (mutate(data, random.Random(7)) for _ in range(2))
        assert first == second
