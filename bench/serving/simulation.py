"""A cluster that serves a sharded collection, simulated event by event (SimPy).

    python -m bench.serving.simulation             # 1 billion passages on 100 nodes: two minutes
    python -m bench.serving.simulation scale.txt   # beside what `python -m bench scale` printed

The router is that of `ragkit/cluster/router.py`: a call goes to the replica with the fewest calls
in progress, is repeated at another one if its node is lost, and is sent to a second one after the
time that 95 of 100 calls stay below; a shard that does not answer in time is missing from the
result. Its constants are imported. What is simplified: a search is one call of each shard after
the work of the router, which handles one request at a time (Python's interpreter lock); a lost
node's replicas are back on the same node after `restart_seconds`; a shard whose replicas have all
failed gets requests until the deadline, which the router shortens; networks are a constant.

Every figure follows from the arguments and the seed.
"""

from __future__ import annotations

import math
import random
import re
import sys
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import simpy

from ragkit.cluster.router import (
    FIRST_HEDGE_SECONDS,
    MIN_HEDGE_SECONDS,
    MIN_OBSERVATIONS,
    OBSERVATIONS,
    RETRY_SECONDS,
)

SHARD_SECONDS = 2.0  # as in ragkit/cluster/serve.py, which imports the whole collection

Seconds = Callable[[random.Random], float]  # draws a duration
Steps = Iterator[Any]  # of a SimPy process


def lognormal(median: float, sigma: float) -> Seconds:
    """Return what draws durations of this median; `sigma`: of their logarithm."""
    return lambda rng: median * math.exp(sigma * rng.gauss(0, 1))


def with_stragglers(seconds: Seconds, share: float, factor: float) -> Seconds:
    """Return durations of which this share is `factor` times as long."""
    return lambda rng: seconds(rng) * (factor if rng.random() < share else 1.0)


@dataclass(frozen=True)
class Cluster:
    """What is simulated. Times are in seconds."""

    nodes: int
    cores: int  # of a node: calls that it works on at the same time
    shards: int
    replicas: int
    call: Seconds  # a replica's work for one search
    network: float = 0.001  # there and back
    router: float = 0.0  # the router's work for a search ...
    router_call: float = 0.0  # ... and for each call
    routers: int = 1
    hedging: bool = True
    mean_time_to_loss: float = math.inf  # of one node
    restart_seconds: float = 20.0  # until the replicas of a lost node answer again
    detection_seconds: float = 1.5  # until calls in progress at a lost node fail


@dataclass
class Results:
    """What became of the searches."""

    seconds: list[float] = field(default_factory=list)
    partial: int = 0
    calls: int = 0
    hedged: int = 0

    def quantile(self, part: float) -> float:
        """Return a quantile of the seconds of a search."""
        return sorted(self.seconds)[min(len(self.seconds) - 1, int(part * len(self.seconds)))]


class _Node:
    def __init__(self, env: simpy.Environment, cores: int) -> None:
        self.cores, self.is_up, self.lost = simpy.Resource(env, cores), True, env.event()


class _Replica:
    def __init__(self, node: _Node) -> None:
        self.node, self.in_progress, self.failed = node, 0, False


class _Shard:
    def __init__(self, replicas: list[_Replica]) -> None:
        self.replicas, self.hedge_seconds = replicas, FIRST_HEDGE_SECONDS
        self.seconds: deque[float] = deque(maxlen=OBSERVATIONS)

    def ordered(self) -> list[_Replica]:
        return sorted(self.replicas, key=lambda one: (one.failed, one.in_progress))

    def observe(self, seconds: float) -> None:
        self.seconds.append(seconds)
        if len(self.seconds) >= MIN_OBSERVATIONS and len(self.seconds) % 10 == 0:
            late = sorted(self.seconds)[int(len(self.seconds) * 0.95)]
            self.hedge_seconds = max(MIN_HEDGE_SECONDS, late)


class Simulation:
    """One run. `env`: the clock."""

    def __init__(self, cluster: Cluster, seed: int = 0) -> None:
        self.cluster, self.results = cluster, Results()
        self.env, self._rng = simpy.Environment(), random.Random(seed)
        self._nodes = [_Node(self.env, cluster.cores) for _ in range(cluster.nodes)]
        self._shards = [
            _Shard(
                [_Replica(self._nodes[(number + copy) % cluster.nodes])
                 for copy in range(cluster.replicas)]
            )
            for number in range(cluster.shards)
        ]  # fmt: skip
        self._router = simpy.Resource(self.env, cluster.routers)
        if cluster.mean_time_to_loss < math.inf:
            for node in self._nodes:
                self.env.process(self._lose(node))

    def run_open(self, searches: int, per_second: float) -> Results:
        """Simulate searches that arrive at random, at this mean rate."""

        def arrive() -> Steps:
            for _ in range(searches):
                yield self.env.timeout(self._rng.expovariate(per_second))
                started.append(self.env.process(self._search()))

        started: list[simpy.Process] = []
        self.env.run(self.env.process(arrive()))
        self.env.run(self.env.all_of(started))
        return self.results

    def run_closed(self, searches: int, clients: int) -> Results:
        """Simulate clients that each send the next search when the one before is answered."""

        def client() -> Steps:
            while left:
                left.pop()
                yield self.env.process(self._search())

        left = list(range(searches))
        self.env.run(self.env.all_of([self.env.process(client()) for _ in range(clients)]))
        return self.results

    def _lose(self, node: _Node) -> Steps:
        """Lose a node again and again."""
        while True:
            yield self.env.timeout(self._rng.expovariate(1 / self.cluster.mean_time_to_loss))
            node.is_up = False
            node.lost.succeed()
            yield self.env.timeout(self.cluster.restart_seconds)
            node.lost, node.is_up = self.env.event(), True

    def _search(self) -> Steps:
        cluster, started = self.cluster, self.env.now
        with self._router.request() as turn:
            yield turn
            yield self.env.timeout(cluster.router + cluster.shards * cluster.router_call)
        asked = [self.env.process(self._ask(shard)) for shard in self._shards]
        yield self.env.all_of(asked)
        self.results.seconds.append(self.env.now - started)
        self.results.partial += not all(process.value for process in asked)

    def _ask(self, shard: _Shard) -> Steps:
        """Ask the replicas of a shard as the router does; return whether one answered in time."""
        env, hedging = self.env, self.cluster.hedging
        deadline, hedge = env.timeout(SHARD_SECONDS), None
        running: dict[simpy.Process, _Replica] = {}
        untried = deque(shard.ordered())
        while not deadline.processed:
            if untried and (not running or (hedge is not None and hedge.processed)):
                self.results.hedged += bool(running)
                replica = untried.popleft()
                running[env.process(self._call(shard, replica))] = replica
                hedge = env.timeout(shard.hedge_seconds) if hedging else None
            if not running:  # all have failed
                yield env.timeout(RETRY_SECONDS) | deadline
                untried.extend(shard.ordered())
                continue
            second = [hedge] if untried and hedge is not None else []
            yield env.any_of([*running, deadline, *second])
            for process in [process for process in running if process.processed]:
                del running[process]
                if process.value:
                    return True
        for replica in running.values():
            replica.failed = True
        return False

    def _call(self, shard: _Shard, replica: _Replica) -> Steps:
        """Let a replica work; return whether it answered."""
        env, node, started = self.env, replica.node, self.env.now
        self.results.calls += 1
        replica.in_progress += 1
        answered = False
        if node.is_up:
            lost = node.lost
            with node.cores.request() as turn:
                yield turn | lost
                if not lost.triggered:
                    yield env.timeout(self.cluster.call(self._rng)) | lost
            answered = not lost.triggered
            yield env.timeout(self.cluster.network if answered else self.cluster.detection_seconds)
        else:
            yield env.timeout(self.cluster.network)
        replica.in_progress -= 1
        replica.failed = not answered
        if answered:
            shard.observe(env.now - started)
        return answered


# 1 billion passages: 100 shards of 10 million, two replicas, 100 nodes. A call takes what searching
# 10 million vectors took (bench/RESULTS.md: p50 45.6 ms, p99 55.6), which is 2.33 deviations.
BILLION = Cluster(
    nodes=100, cores=8, shards=100, replicas=2,
    call=with_stragglers(lognormal(0.0456, math.log(55.6 / 45.6) / 2.33), 0.005, 10),
    # A search has two calls of every shard and at most 40 of those that have its ten hits.
    router=0.006 + 40 * 0.0002, router_call=2 * 0.0002, routers=8,
)  # fmt: skip
SEARCHES = 600
LOSS = 100 * 60.0  # of one node, so that one of a hundred is lost each minute
SCENARIOS = {  # and searches per second
    "two replicas": (BILLION, 4.0),
    "at 100 searches a second": (BILLION, 100.0),
    "without hedged calls": (replace(BILLION, hedging=False), 4.0),
    "a node is lost each minute": (replace(BILLION, mean_time_to_loss=LOSS), 4.0),
    "the same, one replica": (replace(BILLION, mean_time_to_loss=LOSS, replicas=1), 4.0),
}


def simulate(scenarios: dict[str, tuple[Cluster, float]]) -> None:
    """Print a row for each scenario."""
    print("| cluster | p50 ms | p99 ms | partial | calls of a search | hedged |")
    print("|---|---|---|---|---|---|")
    for name, (cluster, per_second) in scenarios.items():
        found = Simulation(cluster).run_open(SEARCHES, per_second)
        count = len(found.seconds)
        print(
            f"| {name} | {1000 * found.quantile(0.5):.0f} | {1000 * found.quantile(0.99):.0f} "
            f"| {found.partial / count:.2%} | {found.calls / count:.1f} "
            f"| {found.hedged / found.calls:.2%} |",
            flush=True,
        )


_MEASURED = re.compile(
    r"\| ragkit serve --on ray, (\d+) shards? \| ([\d.]+) \| ([\d.]+) \| (\d+) \| (\d+) \| (\d+) \|"
)


def compare(table: str, cores: int) -> None:
    """Print the measured searches of 64 clients beside simulated ones.

    What a search costs is taken from the searches of one client: a fixed part, and one for each
    shard (least squares); the first is the router's, the second half the router's and half the
    replica's. So the simulation predicts only what waiting adds.
    """
    rows = [[float(value) for value in row] for row in _MEASURED.findall(table)]
    if not rows:
        raise SystemExit(
            "no row of `ragkit serve --on ray` in the table; see: python -m bench scale"
        )
    counts, seconds = [row[0] for row in rows], [row[1] / 1000 for row in rows]
    mean, middle = sum(counts) / len(rows), sum(seconds) / len(rows)
    spread = sum((count - mean) ** 2 for count in counts)
    slope = 0.0
    if spread:
        pairs = zip(counts, seconds, strict=True)
        slope = max(0.0, sum((one - mean) * (two - middle) for one, two in pairs) / spread)
    fixed = max(0.0, middle - slope * mean)
    print("| shards | measured: searches/s | p50 ms | p99 | simulated: searches/s | p50 ms | p99 |")
    print("|" + "---|" * 7)
    for count, p50, p99, rate, busy_p50, busy_p99 in rows:
        sigma = math.log(max(p99 / p50, 1.0)) / 2.33
        cluster = Cluster(
            nodes=1, cores=cores, shards=int(count), replicas=1,
            call=lognormal(slope / 2, sigma), network=0.0, router=fixed, router_call=slope / 2,
        )  # fmt: skip
        simulation = Simulation(cluster)
        found = simulation.run_closed(2000, 64)
        print(
            f"| {count:.0f} | {rate:.0f} | {busy_p50:.0f} | {busy_p99:.0f} "
            f"| {len(found.seconds) / simulation.env.now:.0f} | {1000 * found.quantile(0.5):.0f} "
            f"| {1000 * found.quantile(0.99):.0f} |"
        )


def main() -> None:
    if sys.argv[1:]:
        compare(Path(sys.argv[1]).read_text(encoding="utf-8"), cores=2)
    else:
        simulate(SCENARIOS)


if __name__ == "__main__":
    main()
