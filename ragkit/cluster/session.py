"""Start Ray on this machine, or join a cluster.

Ray's usage reporting and its dashboard are off. Ray that is started here ends with the session; its
processes listen on this machine's addresses, so every call must carry a token (docs/scale.md).
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import socket
import sys
from collections.abc import Iterator
from typing import Any

from ragkit.errors import UnavailableError, UsageError

LOCAL = "ray"  # `--on ray`: a Ray of its own on this machine
_PREFIX = "ray://"
_OWN_CLUSTER = "auto"  # `--on ray://auto`: the cluster that this machine is a part of
_OBJECT_STORE_BYTES = 300_000_000  # of a Ray of its own: blocks in progress, which are small
_CONNECT_SECONDS = 5.0


def parse_target(target: str) -> str | None:
    """Return the address in the value of `--on`; None for a Ray of its own on this machine.

    Raises UsageError for a value that names neither.
    """
    if target == LOCAL:
        return None
    address = target.removeprefix(_PREFIX).rstrip("/")
    host, colon, port = address.rpartition(":")
    is_pair = bool(host and colon) and port.isdecimal() and 0 < int(port) < 65536
    if not target.startswith(_PREFIX) or not (is_pair or address == _OWN_CLUSTER):
        raise UsageError(
            f"--on is {target!r}; expected ray (on this machine), ray://HOST:PORT (the port of the "
            "cluster's head, usually 6379) or ray://auto (the cluster of this machine)"
        )
    return address


def import_ray() -> Any:  # noqa: ANN401 - Ray has no types
    """Return Ray, with its usage reporting switched off. Raises UnavailableError if it is not
    installed."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # else a warning on each start
    try:
        import ray
        import ray.data  # what it needs besides: pyarrow
    except ModuleNotFoundError as error:
        raise UnavailableError(
            f'--on ray needs {error.name}: pip install "ragkit-search[ray]"'
        ) from None
    return ray


@contextlib.contextmanager
def connected(target: str) -> Iterator[None]:
    """Context manager in which this process is a driver of the Ray that `--on` names.

    Raises UsageError as `parse_target`; UnavailableError if Ray is not installed, if it cannot be
    started, or if nothing answers at the address.
    """
    address = parse_target(target)
    if address is not None and address != _OWN_CLUSTER:
        _check_reachable(address)
    if address is None and "ray" not in sys.modules:
        _use_token()
    ray = import_ray()
    if ray.is_initialized():  # the caller's own
        yield
        return
    options: dict[str, Any] = {"address": address}
    if address is None:
        options = {
            "address": "local",
            "include_dashboard": False,
            "object_store_memory": _OBJECT_STORE_BYTES,
            "_node_ip_address": "127.0.0.1",
        }
    try:
        ray.init(**options, log_to_driver=False, logging_level=logging.ERROR, namespace="ragkit")
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        what = "cannot start Ray on this machine" if address is None else f"cannot join {target}"
        raise UnavailableError(f"{what}: {_first_line(error)}") from error
    try:
        _quiet_progress()
        yield
    finally:
        ray.shutdown()


def _use_token() -> None:
    """Make calls of a Ray of its own carry a random token, unless the user has set another mode or
    token. Ray itself would write one to the user's home folder. Before Ray is imported: it reads
    the mode then, and its own processes would refuse a driver that has read another one."""
    os.environ.setdefault("RAY_AUTH_MODE", "token")
    if "RAY_AUTH_TOKEN_PATH" not in os.environ:
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))


def _check_reachable(address: str) -> None:
    """Raise UnavailableError if nothing answers at HOST:PORT: Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _CONNECT_SECONDS).close()
    except OSError as error:
        reason = error.strerror or str(error)
        raise UnavailableError(
            f"no Ray cluster answers at {address}: {reason}. On its head: ray start --head "
            f"--port={port}"
        ) from error


def _quiet_progress() -> None:
    from ray.data import DataContext

    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
