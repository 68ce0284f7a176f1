"""Differences of measures as they are printed."""

from ragkit.cli.output.differences import difference_fields, print_differences
from ragkit.evaluation.significance import Difference


def test_a_difference_is_better_worse_or_not_significant(capsys):
    better = Difference(0.5, 0.75, (0.1, 0.4), 0.01, ("q1",), ())
    worse = Difference(0.75, 0.5, (-0.4, -0.1), 0.01, (), ("q1",))
    unsure = Difference(0.5, 0.51, (-0.1, 0.12), 0.6, ("q1",), ("q2",))
    print_differences({"nDCG@10": better, "MRR@10": worse, "R@10": unsure})
    assert capsys.readouterr().out == (
        "nDCG@10  0.500 → 0.750  +0.250 [+0.100, +0.400]  p = 0.0100  better\n"
        "MRR@10   0.750 → 0.500  -0.250 [-0.400, -0.100]  p = 0.0100  worse\n"
        "R@10     0.500 → 0.510  +0.010 [-0.100, +0.120]  p = 0.6000  not significant\n"
    )
    assert difference_fields(unsure) == {
        "before": 0.5, "after": 0.51, "interval": [-0.1, 0.12], "p": 0.6, "significant": False,
        "improved": ("q1",), "worse": ("q2",),
    }  # fmt: skip
