"""Every kind of fault, some cases each with fixed seeds; `make faults` runs thousands."""

from __future__ import annotations

import sys

import pytest

from tests.faults import campaign, cases
from tests.faults.campaign import State

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="needs fork and LD_PRELOAD of Linux"),
]


@pytest.fixture(scope="module")
def results():
    """Return all results, by kind of fault; the kinds share two worker processes."""
    tasks = campaign.small(campaign.measure())
    results = campaign.run(tasks, 2, State())
    kinds = {task.key: task.kind for task in tasks}
    return {
        kind: [result for result in results if kinds[result.key] == kind] for kind in cases.CASES
    }


@pytest.mark.parametrize("kind", cases.CASES)
def test_nothing_is_lost_wrong_or_unexplained(results, kind):
    if not results[kind]:
        pytest.skip("no C compiler")
    assert {result.key: result.problems for result in results[kind] if result.problems} == {}


def test_the_faults_did_happen(results):
    killed = sum(result.outcome == "killed" for result in results["kill"])
    assert killed > len(results["kill"]) / 2
    noticed = {result.outcome for result in results["damaged"]}
    assert "noticed" in noticed
