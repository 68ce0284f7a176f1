"""Tests of office documents in one XML file."""
