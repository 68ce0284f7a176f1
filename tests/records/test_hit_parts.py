"""What only some hits have."""

import ragkit
from ragkit.records import hit_parts


def test_the_explanation_of_the_public_api_is_that_of_hits():
    assert ragkit.Explanation is hit_parts.Explanation


def test_equal_places_are_equal():
    assert hit_parts.NewerVersion("a.md", 3) == hit_parts.NewerVersion("a.md", 3)
    assert hit_parts.NewerVersion("a.md", 3) != hit_parts.NewerVersion("a.md", 4)
