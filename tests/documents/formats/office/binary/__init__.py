"""Tests of the readers of binary office formats."""
