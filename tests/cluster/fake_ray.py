"""What the cluster folder uses of Ray, in this process and in order: actors are objects, promises
hold values or errors. Tests of Ray itself are in test_on_ray.py."""

import sys
from concurrent.futures import Future
from types import ModuleType, SimpleNamespace


class Promise:
    """The result of a call."""

    def __init__(self, function):
        self.done = Future()
        try:
            self.done.set_result(function())
        except Exception as error:
            self.done.set_exception(error)

    def future(self):
        return self.done


class Handle:
    """An actor. `lose` starts it again, as Ray does after its process has ended."""

    def __init__(self, build):
        self._build, self._actor, self.is_killed = build, build(), False

    def lose(self):
        with_lock = getattr(self._actor, "_open", None)
        if with_lock is not None:
            with_lock.close()  # the system releases the lock of a process that ends
        self._actor = self._build()

    def __getattr__(self, name):
        def call(*arguments):
            values = [each.done.result() if isinstance(each, Promise) else each
                      for each in arguments]  # fmt: skip
            return Promise(lambda: getattr(self._actor, name)(*values))

        return SimpleNamespace(remote=call)


class Dataset:
    """Rows that go through functions, a batch at a time."""

    def __init__(self, batches):
        self._batches = batches

    def map_batches(self, function, fn_kwargs=None, fn_constructor_kwargs=None, **_):
        if fn_constructor_kwargs is not None:
            actor = function(**fn_constructor_kwargs)
            return Dataset(lambda: (actor(batch) for batch in self._batches()))
        return Dataset(lambda: (made for batch in self._batches()
                                for made in function(batch, **fn_kwargs)))  # fmt: skip

    def iter_batches(self, **_):
        return self._batches()


def install(monkeypatch, cpus=3, gpus=0):
    """Put the fake in place of Ray; return the list of handles that it makes."""
    handles = []

    def actor(kind):
        def start(*arguments):
            handles.append(Handle(lambda: kind(*arguments)))
            return handles[-1]

        return SimpleNamespace(options=lambda **_: SimpleNamespace(remote=start))

    def get(promises, timeout=None):
        if isinstance(promises, list):
            return [promise.done.result() for promise in promises]
        return promises.done.result()

    ray, data = ModuleType("ray"), ModuleType("ray.data")
    annotations = ModuleType("ray.util.annotations")
    ray.remote, ray.get, ray.put = actor, get, lambda value: Promise(lambda: value)
    ray.cluster_resources = lambda: {"CPU": float(cpus), "GPU": float(gpus)}
    ray.kill = lambda handle: setattr(handle, "is_killed", True)
    ray.data, data.from_blocks = data, lambda blocks: Dataset(lambda: iter(blocks))
    data.ActorPoolStrategy = data.TaskPoolStrategy = SimpleNamespace
    data.DataContext = SimpleNamespace(get_current=SimpleNamespace)
    annotations.RayDeprecationWarning = DeprecationWarning
    modules = {"ray": ray, "ray.data": data, "ray.util": ModuleType("ray.util")}
    for name, module in (modules | {"ray.util.annotations": annotations}).items():
        monkeypatch.setitem(sys.modules, name, module)
    return handles
