"""Results within a token budget."""

from ragkit.serving.mcp.results import MAX_COMPACT, fit_items, one_line

ITEMS = ["alpha beta", "gamma delta", "zeta eta"]


def fit(**arguments):
    return fit_items(ITEMS, arguments, "results", lambda item: {"text": item}, str.upper)


def test_all_items_fit_a_large_budget():
    assert fit() == ({"results": [{"text": item} for item in ITEMS]}, 3)


def test_a_small_budget_cuts_whole_items_and_keeps_one():
    result, count = fit(max_tokens=25)
    assert (result, count) == ({"results": [{"text": ITEMS[0]}, {"text": ITEMS[1]}]}, 2)
    assert fit(max_tokens=1)[1] == 1


def test_compact_items_are_lines():
    assert fit(compact=True) == ({"lines": [item.upper() for item in ITEMS]}, 3)


def test_a_line_has_no_breaks_and_a_limited_length():
    line = one_line("7", "a.md#L1", 0.5, "two\nlines " + "x" * 500)
    assert line.startswith("7  a.md#L1  0.5  two lines xxx")
    assert line.endswith("…")
    assert len(line.rpartition("  ")[2]) == MAX_COMPACT
    assert one_line("a", None, "", "b") == "a  b"
