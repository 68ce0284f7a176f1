"""The limit of one BLAS thread, and the number of cores."""

from __future__ import annotations

import numpy as np
from threadpoolctl import threadpool_info

from ragkit.encoders.engines import cpu_threads


def blas_threads() -> set[int]:
    infos = threadpool_info()
    return {info["num_threads"] for info in infos if info["filepath"].count("numpy")}


def test_the_limit_holds_until_the_last_user_leaves() -> None:
    np.ones((2, 2)) @ np.ones((2, 2))
    before = blas_threads()
    first, second = cpu_threads.one_blas_thread(), cpu_threads.one_blas_thread()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert blas_threads() <= {1}  # empty where NumPy brings no BLAS of its own
    second.__exit__(None, None, None)
    assert blas_threads() == before


def test_there_is_at_least_one_core() -> None:
    assert cpu_threads.available_cores() >= 1
