"""A real Ray of one node: the same results as in one collection. Part of every run of the tests;
more nodes, and lost ones, are in test_on_ray.py."""

import contextlib
import importlib.util
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

_NO_RAY = 3  # exit code
_MAX_SECONDS = 480  # it takes half a minute on a machine with nothing else to do


def find_obstacle():
    """Why the test cannot run here; None if it can."""
    if importlib.util.find_spec("ray") is None:
        return 'Ray is not installed: pip install "ragkit-search[ray]"'
    if sys.platform != "linux" or shutil.which("unshare") is None:
        return "needs the network namespaces of Linux: Ray listens on all addresses"
    isolate = ["unshare", "--map-root-user", "--net", "true"]
    if subprocess.run(isolate, check=False, capture_output=True).returncode:
        return "network namespaces are not permitted here, and Ray listens on all addresses"
    return None


@pytest.mark.ray
def test_a_run_and_its_service_on_one_node(tmp_path):
    if obstacle := find_obstacle():
        pytest.skip(obstacle)
    isolated = [sys.executable, "-m", "tests.cluster.isolated"]
    run = [sys.executable, "-W", "ignore", "-m", "tests.cluster.test_one_node", str(tmp_path)]
    process = subprocess.run(
        [*isolated, *run], check=False, capture_output=True, text=True, cwd=REPOSITORY
    )
    if process.returncode == 256 - signal.SIGALRM:  # as an exit code of `isolated`
        pytest.skip(f"the machine is too busy for Ray: more than {_MAX_SECONDS} s")
    if process.returncode == _NO_RAY:
        pytest.skip(process.stdout.strip().splitlines()[-1])
    assert process.returncode == 0, process.stderr
    assert process.stdout.splitlines()[-1] == "the same results"


def main(folder):
    """Index and serve in this process; raise AssertionError if the results differ."""
    from ragkit import Collection
    from ragkit.cluster import serve
    from tests.cluster.test_on_ray import (
        SETTINGS,
        WordEncoder,
        check_rankings,
        run_index,
        started_nodes,
    )

    signal.alarm(_MAX_SECONDS)  # what it leaves ends with the network (`isolated`)
    documents = folder / "documents"
    shutil.copytree(REPOSITORY / "data" / "notes", documents)
    with contextlib.ExitStack() as stack:
        try:
            nodes = stack.enter_context(started_nodes(folder / "home", count=1))
        except Exception as error:  # of Ray itself
            print(f"Ray does not start here: {' '.join(str(error).split())[:300]}")
            return _NO_RAY
        assert nodes.others == []
        report = run_index(folder / "kit", documents, shards=2)
        assert (report.failed, report.added) == (0, len(list(documents.iterdir())))
        one = Collection(folder / "one", settings=SETTINGS, encoder=WordEncoder())
        stack.enter_context(one).index(documents)
        # A busy machine is slow, not lost.
        serve.SHARD_SECONDS = serve.REQUEST_SECONDS = 120.0
        service = serve.ClusterService(
            str(folder / "kit"), 1, settings=SETTINGS, encoder=WordEncoder()
        )
        stack.callback(service.close)
        check_rankings(service.collection, one)
        print("the same results", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
