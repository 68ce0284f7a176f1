"""Tests of the readers of Pages, Numbers and Keynote."""
