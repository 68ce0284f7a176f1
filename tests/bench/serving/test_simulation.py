"""The simulated cluster beside what queueing theory and order statistics give in closed form."""

import math
from dataclasses import replace

import pytest

pytest.importorskip("simpy")

from bench.serving import simulation
from bench.serving.simulation import Cluster, Simulation


def exponential(mean):
    return lambda rng: rng.expovariate(1 / mean)


def test_a_search_takes_as_long_as_the_slowest_of_its_shards():
    """The maximum of n exponential durations: P(max < t) = (1 - exp(-t/m))^n, mean m (1 + … + 1/n)
    (Rényi, 1953)."""
    shards, mean = 10, 0.02
    cluster = Cluster(nodes=1, cores=10_000, shards=shards, replicas=1, call=exponential(mean),
                      network=0.0)  # fmt: skip
    found = Simulation(cluster).run_open(1200, per_second=50)
    expected = mean * sum(1 / number for number in range(1, shards + 1))
    assert sum(found.seconds) / 1200 == pytest.approx(expected, rel=0.05)
    for part in (0.5, 0.99):
        assert found.quantile(part) == pytest.approx(
            -mean * math.log(1 - part ** (1 / shards)), rel=0.1
        )
    assert (found.partial, found.hedged, found.calls) == (0, 0, 12_000)


def test_a_queue_of_one_server():
    """M/M/1: the mean time in the system is 1 / (mu - lambda)."""
    cluster = Cluster(nodes=1, cores=1, shards=1, replicas=1, call=exponential(0.01), network=0.0)
    found = Simulation(cluster, seed=1).run_open(6000, per_second=50)
    assert sum(found.seconds) / 6000 == pytest.approx(1 / (100 - 50), rel=0.1)


def test_the_router_handles_one_search_after_the_other():
    """A closed queue that is never empty: its rate is that of its slowest server."""
    cluster = Cluster(nodes=1, cores=8, shards=2, replicas=1, call=lambda rng: 0.001,
                      network=0.0, router=0.006, router_call=0.002)  # fmt: skip
    run = Simulation(cluster)
    found = run.run_closed(400, clients=20)
    assert 400 / run.env.now == pytest.approx(1 / 0.010, rel=0.01)
    assert found.quantile(0.5) == pytest.approx(20 * 0.010, rel=0.02)


def test_without_a_second_replica_results_are_partial_while_a_node_is_lost(monkeypatch):
    """Renewal: a node is down for r of m + r seconds, and a search needs all of three nodes."""
    monkeypatch.setattr(simulation, "SHARD_SECONDS", 0.2)
    cluster = Cluster(
        nodes=3, cores=100, shards=3, replicas=1, call=lambda rng: 0.01,
        mean_time_to_loss=90.0, restart_seconds=10.0, detection_seconds=0.1,
    )  # fmt: skip
    found = Simulation(cluster).run_open(3000, per_second=0.3)
    assert found.partial / 3000 == pytest.approx(1 - 0.9**3, rel=0.15)
    two = replace(cluster, replicas=2, mean_time_to_loss=1000.0)
    assert Simulation(two).run_open(300, per_second=0.3).partial / 300 < 0.001


def test_hedged_calls_cut_the_stragglers_off():
    slow = simulation.with_stragglers(lambda rng: 0.01, share=0.01, factor=50)
    cluster = Cluster(nodes=4, cores=100, shards=4, replicas=2, call=slow, network=0.0)
    hedged = Simulation(cluster).run_open(800, per_second=20)
    alone = Simulation(replace(cluster, hedging=False)).run_open(800, per_second=20)
    assert alone.quantile(0.99) == pytest.approx(0.5)
    assert hedged.quantile(0.99) < 0.1
    assert 0.005 < hedged.hedged / hedged.calls < 0.02  # those that were slow, and few others


def test_the_same_seed_gives_the_same_run():
    cluster = replace(simulation.BILLION, nodes=10, shards=10, mean_time_to_loss=60.0)
    runs = [Simulation(cluster, seed).run_open(100, 20.0) for seed in (3, 3, 4)]
    assert runs[0] == runs[1] != runs[2]


def test_the_table_of_the_benchmark_is_read(capsys):
    table = (
        "| ragkit serve | 8.1 | 9.9 | 130 | 480 | 520 | 160 |\n"
        "| ragkit serve --on ray, 1 shard | 10.0 | 10.0 | 90 | 700 | 800 | 900 |\n"
        "| ragkit serve --on ray, 4 shards | 16.0 | 16.0 | 60 | 1000 | 1200 | 990 |\n"
    )
    simulation.compare(table, cores=2)
    rows = capsys.readouterr().out.splitlines()[2:]
    # 8 ms and 2 ms for each shard, of which the router has half: 1 / 9 ms and 1 / 12 ms.
    assert [row.split(" | ")[4] for row in rows] == ["111", "83"]
