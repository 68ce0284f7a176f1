"""Losses compared with their formulas; measures compared with scipy or worked by hand."""

import numpy as np
import pytest
import scipy  # whose parts are imported when they are used

from ragkit.learning.base_model import load_base_model, read_base_model
from ragkit.learning.labels import Example
from ragkit.learning.objectives import OBJECTIVES, for_shorter_vectors

TEXTS = ["the key", "the bank", "every week", "the river rot", "key every week", "bank"]
PAIRS = list(zip(TEXTS[:3], TEXTS[3:], strict=True))
NO_PROMPTS = ("", "")


@pytest.fixture(scope="module")
def model(base_folder):
    return load_base_model(read_base_model(str(base_folder)), "mean").eval()


def encode_pairs(model):
    """The vectors u and v of both sides, and both as unit rows."""
    u, v = (model.encode([pair[side] for pair in PAIRS]) for side in (0, 1))
    unit = [side / np.linalg.norm(side, axis=1, keepdims=True) for side in (u, v)]
    return u, v, *unit


def compute_loss(objective, model, labels, classes=0):
    import torch

    torch.manual_seed(0)
    loss = OBJECTIVES[objective].create_loss(model, classes)
    features = [model.preprocess([pair[side] for pair in PAIRS]) for side in (0, 1)]
    with torch.no_grad():
        return loss, float(loss(features, labels))


def test_cosine_loss_is_the_mean_squared_error_of_the_cosine(model):
    import torch

    _, _, first, second = encode_pairs(model)
    gold = np.array([0.9, 0.1, 0.4])
    _, value = compute_loss("cosine", model, torch.tensor(gold, dtype=torch.float32))
    assert value == pytest.approx(np.mean((np.sum(first * second, axis=1) - gold) ** 2), abs=1e-5)


def test_softmax_loss_is_the_cross_entropy_of_a_layer_over_u_v_and_their_difference(model):
    import torch

    u, v, _, _ = encode_pairs(model)
    loss, value = compute_loss("softmax", model, torch.tensor([2, 0, 1]), classes=3)
    weight, bias = (values.detach().numpy() for values in loss.classifier.parameters())
    logits = np.hstack([u, v, np.abs(u - v)]) @ weight.T + bias
    expected = -np.mean(scipy.special.log_softmax(logits, axis=1)[[0, 1, 2], [2, 0, 1]])
    assert value == pytest.approx(expected, abs=1e-4)


def test_ranking_loss_is_the_cross_entropy_over_in_batch_negatives(model):
    _, _, first, second = encode_pairs(model)
    _, value = compute_loss("ranking", model, None)
    expected = -np.mean(np.diag(scipy.special.log_softmax(20 * first @ second.T, axis=1)))
    assert value == pytest.approx(expected, abs=1e-4)


def test_the_loss_for_shorter_vectors_is_the_sum_over_whole_and_cut_ones(model):
    import torch

    u, v, _, _ = encode_pairs(model)
    gold = np.array([0.9, 0.1, 0.4])
    expected = 0.0
    for dimension in (32, 8):
        first, second = (
            side[:, :dimension] / np.linalg.norm(side[:, :dimension], axis=1, keepdims=True)
            for side in (u, v)
        )
        expected += np.mean((np.sum(first * second, axis=1) - gold) ** 2)
    loss = for_shorter_vectors(model, OBJECTIVES["cosine"].create_loss(model, 0), [8])
    features = [model.preprocess([pair[side] for pair in PAIRS]) for side in (0, 1)]
    with torch.no_grad():
        value = float(loss(features, torch.tensor(gold, dtype=torch.float32)))
    assert value == pytest.approx(expected, abs=1e-5)
    assert encode_pairs(model)[0].shape == (3, 32)  # outside of the loss nothing is cut


class FakeModel:
    """A model that looks vectors up in a table."""

    device = "cpu"

    def __init__(self, table):
        self.table = table
        self.encoded = []

    def encode(self, texts, *, prompt, normalize_embeddings, **_):
        self.encoded += [prompt + text for text in texts]
        vectors = np.array([self.table[text] for text in texts], dtype=np.float32)
        length = np.linalg.norm(vectors, axis=1, keepdims=True) if normalize_embeddings else 1
        return vectors / length


def test_spearman_equals_scipy_including_ties():
    rng = np.random.default_rng(5)
    table = {f"{side}{i}": rng.normal(size=4) for side in "ab" for i in range(30)}
    dev = [Example(f"a{i}", f"b{i}", float(rng.integers(5)) / 4) for i in range(30)]
    cosines = [
        np.dot(table[e.first], table[e.second])
        / np.linalg.norm(table[e.first])
        / np.linalg.norm(table[e.second])
        for e in dev
    ]
    expected = scipy.stats.spearmanr(cosines, [e.target for e in dev]).statistic
    value = OBJECTIVES["cosine"].measure(FakeModel(table), None, dev, NO_PROMPTS)
    assert value == pytest.approx(expected, abs=1e-6)


def test_spearman_of_constant_scores_is_undefined():
    table = {"a": [1, 0], "b": [0, 1], "c": [1, 1]}
    dev = [Example("a", "b", 0.5), Example("a", "c", 0.5)]
    assert OBJECTIVES["cosent"].measure(FakeModel(table), None, dev, NO_PROMPTS) is None


def test_mrr_worked_by_hand():
    """The passage of q is second (1/2); r has two passages, the better one is first (1)."""
    table = {"q": [1, 0], "r": [0, 1], "x": [1, 0.1], "y": [1, 0.5], "z": [0.1, 1]}
    dev = [Example("q", "y"), Example("r", "z"), Example("r", "x")]
    model = FakeModel(table)
    value = OBJECTIVES["ranking"].measure(model, None, dev, ("query: ", "passage: "))
    assert value == pytest.approx((1 / 2 + 1) / 2)
    assert model.encoded == ["query: q", "query: r", "passage: y", "passage: z", "passage: x"]


def test_mrr_is_zero_beyond_rank_ten():
    table = {f"q{i}": [1, 0] for i in range(11)} | {f"p{i}": [1, i] for i in range(11)}
    dev = [Example(f"q{i}", f"p{i}") for i in range(11)]
    expected = sum(1 / rank for rank in range(1, 11)) / 11
    value = OBJECTIVES["ranking"].measure(FakeModel(table), None, dev, NO_PROMPTS)
    assert value == pytest.approx(expected)


def test_accuracy_worked_by_hand():
    """The head predicts class 1 if u and v are far apart, else class 0."""
    torch = pytest.importorskip("torch")
    head = torch.nn.Linear(6, 2)
    with torch.no_grad():
        head.weight[:] = torch.tensor([[0.0] * 6, [0.0] * 4 + [1.0, 1.0]])
        head.bias[:] = torch.tensor([0.0, -1.0])
    loss = type("Loss", (), {"classifier": staticmethod(head)})
    table = {"a": [3, 0], "b": [0, 3], "c": [3, 0.5]}
    dev = [Example("a", "b", 1), Example("a", "c", 0), Example("b", "c", 0)]
    value = OBJECTIVES["softmax"].measure(FakeModel(table), loss, dev, NO_PROMPTS)
    assert value == pytest.approx(2 / 3)
