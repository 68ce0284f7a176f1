"""On a real Ray cluster of three nodes on this machine (`make ray`): the same results as in one
collection; and what happens when a worker, a node or the driver is killed. Prints times."""

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import warnings
from functools import partial
from pathlib import Path

import pytest

from ragkit import Collection, Settings
from ragkit.maintenance.sharded_index import ShardedIndexOptions
from tests.conftest import REPOSITORY, WordEncoder

pytestmark = [
    pytest.mark.ray,
    pytest.mark.slow,
    pytest.mark.skipif(
        "RAGKIT_RAY_TESTS" not in os.environ or importlib.util.find_spec("ray") is None,
        reason="takes minutes and needs Ray; run it with: make ray",
    ),
    pytest.mark.filterwarnings("default"),  # Ray has deprecations and open files of its own
]
SETTINGS = Settings(passage_tokens=40, overlap=0.0)
QUERIES = ("how do I shrink the file after deleting rows?", "full-text index", "several processes")
MODES = {"dense": "dense", "lexical": "lexical", "hybrid": "fused"}  # by the score that ranks
STORE_BYTES = 80_000_000
START_SECONDS = 300.0  # for what Ray starts, on a busy machine
WAIT_SECONDS = 300.0
NODES = 3


def wait_until(condition):
    """Wait until the condition holds; return the seconds that took."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < WAIT_SECONDS
        time.sleep(0.05)
    return time.monotonic() - started


def announce_ports(patch):
    """Write down the ports of a node's own processes before these have started: Ray ends a node
    whose processes take longer than 15 seconds, as on a busy machine (ray#65983)."""
    import inspect

    from ray._private import services

    start = services.start_raylet

    def announce(*arguments, **keywords):
        bound = inspect.signature(start).bind(*arguments, **keywords).arguments
        ports = {
            "metrics_agent_port": -1, "metrics_export_port": -1,
            "dashboard_agent_listen_port": bound["dashboard_agent_listen_port"],
            "runtime_env_agent_port": bound["runtime_env_agent_port"],
        }  # fmt: skip
        for name, port in ports.items():
            Path(bound["session_dir"], f"{name}_{bound['node_id']}").write_text(str(port))
        return start(*arguments, **keywords)

    patch.setattr(services, "start_raylet", announce)


class Nodes:
    """A cluster whose nodes can be killed and added."""

    def __init__(self, count=NODES):
        from ray.cluster_utils import Cluster

        self._started, self._count = 0, count
        self.cluster = Cluster(
            initialize_head=True, head_node_args={**self._options(), "include_dashboard": False}
        )
        self.others = [self.add() for _ in range(count - 1)]

    def _options(self):
        self._started += 1
        port = 20_000 + 10 * self._started
        return {
            "num_cpus": 1, "object_store_memory": STORE_BYTES, "node_ip_address": "127.0.0.1",
            "dashboard_agent_listen_port": port, "runtime_env_agent_port": port + 1,
        }  # fmt: skip

    def add(self):
        return self.cluster.add_node(wait=False, **self._options())

    def kill(self):
        """Kill a node that is not the head."""
        self.cluster.remove_node(self.others.pop(0), allow_graceful=False)

    def restore(self):
        """Start another node for each killed one. On the main thread: Ray sets signal handlers."""
        while len(self.others) < self._count - 1:
            self.others.append(self.add())
        self.cluster.wait_for_nodes(timeout=START_SECONDS)


@contextlib.contextmanager
def started_nodes(home, count=NODES):
    """A cluster that this process is connected to. `home`: a folder for its users' files."""
    environment = {
        "RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled", "RAY_worker_niceness": "0",
        "RAY_raylet_start_wait_time_s": str(int(START_SECONDS)),
        "RAY_worker_register_timeout_seconds": str(int(START_SECONDS)),
        "PYTHONPATH": f"{REPOSITORY}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
        "HF_HUB_OFFLINE": "1",
        **{f"RAGKIT_{name}_DIR": str(home / name) for name in ("CONFIG", "DATA", "CACHE")},
    }  # fmt: skip
    with (
        pytest.MonkeyPatch.context() as patch,
        warnings.catch_warnings(),
        contextlib.ExitStack() as stack,
    ):
        warnings.simplefilter("ignore")
        for name, value in environment.items():
            patch.setenv(name, value)
        import ray
        from ray.data import DataContext

        announce_ports(patch)
        started = Nodes(count)
        stack.callback(started.cluster.shutdown)
        ray.init(address=started.cluster.address, log_to_driver=False, logging_level="ERROR")
        stack.callback(ray.shutdown)
        started.cluster.wait_for_nodes(timeout=START_SECONDS)
        DataContext.get_current().enable_progress_bars = False
        yield started


@pytest.fixture(scope="module")
def nodes(tmp_path_factory):
    with started_nodes(tmp_path_factory.mktemp("ray-home")) as started:
        yield started


def copy_documents(folder):
    """A copy of a part of data/ that tests may change."""
    shutil.copytree(REPOSITORY / "data" / "notes", folder)
    shutil.copytree(REPOSITORY / "data" / "internals", folder / "internals")
    return folder


@pytest.fixture
def documents(tmp_path):
    return copy_documents(tmp_path / "documents")


def run_index(folder, documents, shards=3, **options):
    """Run `ragkit index --on ray`; return the report."""
    from ragkit.cluster import ingest

    chosen = ShardedIndexOptions(paths=[documents], shards=shards, **options)
    return ingest.index(folder, chosen, SETTINGS, WordEncoder())


@pytest.fixture
def index(tmp_path, documents, nodes):
    return partial(run_index, tmp_path / "cluster", documents)


def check_rankings(found, expected):
    """The same hits with the same scores: equal scores may come in another order."""
    for query in QUERIES:
        for mode, kind in MODES.items():
            ours = found.search(query, mode=mode, k=10)
            theirs = expected.search(query, mode=mode, k=10)
            assert {hit.citation for hit in ours} == {hit.citation for hit in theirs}
            for name in ("dense", kind):
                scores = {hit.citation: hit.scores[name] for hit in theirs}
                assert {hit.citation: hit.scores[name] for hit in ours} == pytest.approx(scores)
            assert [hit.scores[kind] for hit in ours] == pytest.approx(
                [hit.scores[kind] for hit in theirs]
            )


def check_same(folder, documents, tmp_path):
    """The collection has what an ordinary one of the same files has, and nothing twice."""
    other = tmp_path / f"one-{time.monotonic_ns()}"
    with (
        Collection(other, settings=SETTINGS, encoder=WordEncoder()) as one,
        Collection(folder, create=False, settings=SETTINGS, encoder=WordEncoder()) as many,
    ):
        one.index(documents)
        assert many.status().passages == one.status().passages
        assert many.status().documents == one.status().documents
        check_rankings(many, one)


def kill_actor(name):
    """Kill the process of an actor whose class begins with `name`, once there is one."""
    import ray

    def find():
        for actor in ray._private.state.actors().values():
            if actor["ActorClassName"].startswith(name) and actor["State"] == "ALIVE":
                return actor["Pid"]
        return None

    wait_until(find)
    with contextlib.suppress(ProcessLookupError):
        os.kill(find(), signal.SIGKILL)


def test_the_same_results_after_adds_changes_and_deletes(index, documents, tmp_path):
    report = index()
    assert (report.failed, report.added) == (0, sum(p.is_file() for p in documents.rglob("*")))
    check_same(tmp_path / "cluster", documents, tmp_path)
    (documents / "new.txt").write_text("Several processes may read one file.\n")
    changed, removed = sorted(p for p in (documents / "internals").iterdir() if p.is_file())[:2]
    changed.write_text(changed.read_text() + "\nVacuum shrinks the file after deleting rows.\n")
    removed.unlink()
    report = index()
    assert (report.added, report.updated, report.removed) == (1, 1, 1)
    check_same(tmp_path / "cluster", documents, tmp_path)
    report = index()
    assert (report.added, report.updated, report.embedded) == (0, 0, 0)


@pytest.mark.parametrize("name", ["ShardWriter", "MapWorker"])
def test_a_run_goes_on_after_a_worker_was_killed(index, documents, tmp_path, name):
    killer = threading.Thread(target=kill_actor, args=(name,))
    killer.start()
    report = index()
    killer.join()
    assert report.failed == 0
    check_same(tmp_path / "cluster", documents, tmp_path)


def test_a_run_goes_on_after_a_node_was_killed(index, documents, tmp_path, nodes):
    import ray

    def kill():
        wait_until(lambda: any(
            actor["ActorClassName"].startswith("MapWorker") and actor["State"] == "ALIVE"
            for actor in ray._private.state.actors().values()))  # fmt: skip
        nodes.kill()

    killer = threading.Thread(target=kill)
    killer.start()
    report = index()
    killer.join()
    assert report.failed == 0
    check_same(tmp_path / "cluster", documents, tmp_path)
    nodes.restore()


def test_the_same_command_continues_after_the_driver_was_killed(index, documents, tmp_path, nodes):
    code = (
        "import ray, sys\n"
        f"ray.init(address={nodes.cluster.address!r}, log_to_driver=False)\n"
        "from pathlib import Path\n"
        "from tests.cluster.test_on_ray import run_index\n"
        f"run_index({str(tmp_path / 'cluster')!r}, {str(documents)!r})\n"
    )
    driver = subprocess.Popen([sys.executable, "-W", "ignore", "-c", code], cwd=REPOSITORY)
    work = tmp_path / "cluster" / "work"
    wait_until(lambda: any(work.glob("shard-*/ragkit.db")) or driver.poll() is not None)
    driver.kill()
    driver.wait()
    assert not (tmp_path / "cluster" / "manifest.json").exists()
    index(wait=WAIT_SECONDS)  # the writers of the killed driver end, and with them their locks
    check_same(tmp_path / "cluster", documents, tmp_path)


@pytest.fixture(scope="module")
def published(nodes, tmp_path_factory):
    """A collection that all tests of serving use, and the folder of its documents."""
    folder = tmp_path_factory.mktemp("published")
    documents = copy_documents(folder / "documents")
    run_index(folder / "cluster", documents)
    return folder / "cluster", documents


@pytest.fixture
def service(published):
    """A function that serves the collection by so many replicas of each shard."""
    from ragkit.cluster.serve import ClusterService

    services = []

    def start(replicas):
        address = str(published[0])
        services.append(ClusterService(address, replicas, settings=SETTINGS, encoder=WordEncoder()))
        return services[-1]

    yield start
    for each in services:
        each.close()


class Load:
    """Searches on threads; what became of each: (seconds since the start, missing shards)."""

    def __init__(self, collection, threads=2):
        self.collection, self.failures, self.done = collection, [], []
        self._stopped, self._started = threading.Event(), time.monotonic()
        self._threads = [threading.Thread(target=self._run) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def _run(self):
        count = 0
        while not self._stopped.is_set():
            count += 1
            try:
                hits = self.collection.search(f"{QUERIES[count % 3]} {count}", mode="hybrid")
                self.done.append((time.monotonic() - self._started, hits.missing_shards))
            except Exception as error:
                self.failures.append(error)

    def stop(self):
        self._stopped.set()
        for thread in self._threads:
            thread.join()


def test_no_request_fails_with_two_replicas_when_a_node_is_killed(
    service, nodes, published, monkeypatch, capsys
):
    import ray

    from ragkit.cluster import serve

    for name in ("SHARD_SECONDS", "REQUEST_SECONDS"):  # a busy machine is slow, not lost
        monkeypatch.setattr(serve, name, 60.0)
    served = service(2)
    with Collection(published[0], create=False, settings=SETTINGS, encoder=WordEncoder()) as many:
        check_rankings(served.collection, many)
    # The service begins with the first replica of each shard: wait for the second ones.
    ray.get([handle.open.remote(served.manifest)
             for handles in served._set._handles for handle in handles])  # fmt: skip
    load = Load(served.collection)
    wait_until(lambda: len(load.done) > 20)
    nodes.kill()
    after = len(load.done)
    wait_until(lambda: len(load.done) > after + 100)
    load.stop()
    assert load.failures == []
    assert [missing for _, missing in load.done if missing] == []
    with capsys.disabled():
        print(f"\nR = 2: {len(load.done)} searches, none failed, none partial")
    nodes.restore()


def test_results_are_partial_with_one_replica_until_it_is_started_again(service, nodes, capsys):
    served = service(1)
    load = Load(served.collection, threads=1)
    wait_until(lambda: len(load.done) > 5)
    nodes.kill()
    killed = time.monotonic()
    wait_until(lambda: any(missing for _, missing in load.done))
    wait_until(lambda: not load.done[-1][1])
    recovered = time.monotonic() - killed
    load.stop()
    nodes.restore()
    assert load.failures == []
    with capsys.disabled():
        count = sum(bool(missing) for _, missing in load.done)
        print(f"\nR = 1: {count} of {len(load.done)} searches partial; complete again after "
              f"{recovered:.1f} s")  # fmt: skip


def test_a_newer_generation_is_served_without_a_restart(service, published):
    served = service(1)
    folder, documents = published
    newer = threading.Event()
    served.keep_current(lambda collection: newer.set())
    (documents / "new.txt").write_text("Zebras graze in the savanna.\n")
    run_index(folder, documents)
    assert newer.wait(WAIT_SECONDS)
    assert served.collection.search("zebras savanna")[0].path == "new.txt"
