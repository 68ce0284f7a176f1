"""The number of tokens given to an encoder at once."""

from types import SimpleNamespace

import pytest

from tests.conftest import WordEncoder
from tests.ingest.test_interruption import Breaking, many


class Timed(WordEncoder):
    """An encoder with a clock of its own, on which it encodes a given number of tokens a second."""

    def __init__(self, speed):
        super().__init__()
        self.speed, self.now, self.jobs = speed, 0.0, []

    def encode_passages(self, texts):
        self.jobs.append(sum(self.count_tokens(texts)))
        self.now += self.jobs[-1] / self.speed
        return super().encode_passages(texts)


@pytest.mark.parametrize(("speed", "largest"), [(10, 64), (100, 100), (10_000, 160)])
def test_a_job_is_sized_to_a_second_of_work_within_bounds(
    open_collection, tmp_path, monkeypatch, speed, largest
):
    encoder = Timed(speed)
    clock = SimpleNamespace(perf_counter=lambda: encoder.now)
    constants = {"time": clock, "WORKERS": 1, "MAX_PENDING_ROWS": 40}
    for name, value in {**constants, "MIN_JOB_TOKENS": 64, "MAX_JOB_TOKENS": 160}.items():
        monkeypatch.setattr(f"ragkit.ingest.embedding.{name}", value)
    folder = many(tmp_path / "many", 200)
    broken = open_collection(other=Breaking(encoder, 0, RuntimeError("stop")))
    with pytest.raises(RuntimeError, match="stop"):  # so that all of it waits
        broken.index(folder)
    open_collection(other=encoder).index()
    assert len(encoder.encoded) == 200
    assert encoder.jobs[0] <= 64  # before anything is known
    assert largest - 6 < max(encoder.jobs) <= largest  # a text has six tokens
