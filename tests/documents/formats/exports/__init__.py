"""Tests of ragkit.documents.formats.exports."""
