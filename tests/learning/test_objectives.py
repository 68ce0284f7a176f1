"""Losses against their formulas, measures against a reference library and by hand."""

import numpy as np
import pytest
from scipy.special import log_softmax
from scipy.stats import spearmanr

from ragkit.learning import base_model
from ragkit.learning.labels import Example
from ragkit.learning.objectives import OBJECTIVES

TEXTS = ["the key", "the bank", "every week", "the river rot", "key every week", "bank"]
PAIRS = list(zip(TEXTS[:3], TEXTS[3:], strict=True))
NONE = ("", "")


@pytest.fixture(scope="module")
def model(plain):
    return base_model.load(base_model.describe(str(plain)), "mean").eval()


def vectors(model):
    u, v = (model.encode([pair[side] for pair in PAIRS]) for side in (0, 1))
    unit = [each / np.linalg.norm(each, axis=1, keepdims=True) for each in (u, v)]
    return u, v, *unit


def loss_of(objective, model, labels, classes=0):
    import torch

    torch.manual_seed(0)
    loss = OBJECTIVES[objective].loss(model, classes)
    features = [model.preprocess([pair[side] for pair in PAIRS]) for side in (0, 1)]
    with torch.no_grad():
        return loss, float(loss(features, labels))


def test_cosine_is_the_squared_error_of_the_cosine(model):
    import torch

    _, _, first, second = vectors(model)
    gold = np.array([0.9, 0.1, 0.4])
    _, found = loss_of("cosine", model, torch.tensor(gold, dtype=torch.float32))
    assert found == pytest.approx(np.mean((np.sum(first * second, axis=1) - gold) ** 2), abs=1e-5)


def test_softmax_is_the_papers_head_over_u_v_and_their_distance(model):
    import torch

    u, v, _, _ = vectors(model)
    loss, found = loss_of("softmax", model, torch.tensor([2, 0, 1]), classes=3)
    weight, bias = (each.detach().numpy() for each in loss.classifier.parameters())
    logits = np.hstack([u, v, np.abs(u - v)]) @ weight.T + bias
    expected = -np.mean(log_softmax(logits, axis=1)[[0, 1, 2], [2, 0, 1]])
    assert found == pytest.approx(expected, abs=1e-4)


def test_ranking_is_each_partner_against_all_of_the_batch(model):
    _, _, first, second = vectors(model)
    _, found = loss_of("ranking", model, None)
    expected = -np.mean(np.diag(log_softmax(20 * first @ second.T, axis=1)))
    assert found == pytest.approx(expected, abs=1e-4)


class Given:
    """A model that encodes texts as it is told."""

    device = "cpu"

    def __init__(self, table):
        self.table = table
        self.asked = []

    def encode(self, texts, *, prompt, normalize_embeddings, **_):
        self.asked += [prompt + text for text in texts]
        found = np.array([self.table[text] for text in texts], dtype=np.float32)
        length = np.linalg.norm(found, axis=1, keepdims=True) if normalize_embeddings else 1
        return found / length


def test_spearman_is_scipy_s_ties_included():
    rng = np.random.default_rng(5)
    table = {f"{side}{i}": rng.normal(size=4) for side in "ab" for i in range(30)}
    dev = [Example(f"a{i}", f"b{i}", float(rng.integers(5)) / 4) for i in range(30)]
    cosines = [
        np.dot(table[e.first], table[e.second])
        / np.linalg.norm(table[e.first])
        / np.linalg.norm(table[e.second])
        for e in dev
    ]
    expected = spearmanr(cosines, [e.target for e in dev]).statistic
    found = OBJECTIVES["cosine"].measure(Given(table), None, dev, NONE)
    assert found == pytest.approx(expected, abs=1e-6)


def test_spearman_of_constant_scores_is_undefined():
    table = {"a": [1, 0], "b": [0, 1], "c": [1, 1]}
    dev = [Example("a", "b", 0.5), Example("a", "c", 0.5)]
    assert OBJECTIVES["cosent"].measure(Given(table), None, dev, NONE) is None


def test_mrr_by_hand():
    """q's own passage is second (1/2); r has two, the better one first (1)."""
    table = {"q": [1, 0], "r": [0, 1], "x": [1, 0.1], "y": [1, 0.5], "z": [0.1, 1]}
    dev = [Example("q", "y"), Example("r", "z"), Example("r", "x")]
    model = Given(table)
    found = OBJECTIVES["ranking"].measure(model, None, dev, ("query: ", "passage: "))
    assert found == pytest.approx((1 / 2 + 1) / 2)
    assert model.asked == ["query: q", "query: r", "passage: y", "passage: z", "passage: x"]


def test_mrr_counts_nothing_beyond_rank_ten():
    table = {f"q{i}": [1, 0] for i in range(11)} | {f"p{i}": [1, i] for i in range(11)}
    dev = [Example(f"q{i}", f"p{i}") for i in range(11)]
    expected = sum(1 / rank for rank in range(1, 11)) / 11
    found = OBJECTIVES["ranking"].measure(Given(table), None, dev, NONE)
    assert found == pytest.approx(expected)


def test_accuracy_by_hand():
    """A head that names class 1 where u and v are far apart, else 0."""
    torch = pytest.importorskip("torch")
    head = torch.nn.Linear(6, 2)
    with torch.no_grad():
        head.weight[:] = torch.tensor([[0.0] * 6, [0.0] * 4 + [1.0, 1.0]])
        head.bias[:] = torch.tensor([0.0, -1.0])
    loss = type("Loss", (), {"classifier": staticmethod(head)})
    table = {"a": [3, 0], "b": [0, 3], "c": [3, 0.5]}
    dev = [Example("a", "b", 1), Example("a", "c", 0), Example("b", "c", 0)]
    found = OBJECTIVES["softmax"].measure(Given(table), loss, dev, NONE)
    assert found == pytest.approx(2 / 3)
