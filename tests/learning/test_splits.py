"""Dev kept apart by sentence."""

from ragkit.learning.labels import Example
from ragkit.learning.splits import shared_sentences, split


def chains(number):
    """Groups of three pairs that hang together: a–b, b–c, c–A (A is a in capitals)."""
    return [
        Example(f"{left}{i}", f"{right}{i}")
        for i in range(number)
        for left, right in (("a", "b"), ("b", "c"), ("c", "A"))
    ]


def test_no_sentence_of_dev_is_in_train():
    examples = chains(40)
    train, dev = split(examples, 0.1, seed=3)
    assert len(dev) == 12
    assert sorted([*train, *dev], key=repr) == sorted(examples, key=repr)
    assert shared_sentences(train, dev) == (0, 12)
    assert len({example.first[1:] for example in dev}) == 4


def test_the_seed_draws():
    examples = chains(40)
    assert split(examples, 0.1, seed=3) == split(examples, 0.1, seed=3)
    assert split(examples, 0.1, seed=3) != split(examples, 0.1, seed=4)


def test_one_large_group_stays_in_training():
    hub = [Example("everywhere", f"x{i}") for i in range(50)]
    _, dev = split(hub + chains(20), 0.2, seed=0)
    assert all(example.first != "everywhere" for example in dev)
    assert len(dev) == 21  # of 22 wanted, groups of three fill 21


def test_where_all_hangs_together_single_pairs_are_drawn():
    hub = [Example("everywhere", f"x{i}") for i in range(50)]
    train, dev = split(hub, 0.2, seed=0)
    assert (len(train), len(dev)) == (40, 10)
    assert shared_sentences(train, dev) == (1, 11)
