"""Index options come from the settings; read settings decide which files are read again."""

import dataclasses

import pytest

from ragkit.ingest.options import IndexOptions, ReadSettings
from ragkit.settings import Settings


def test_the_defaults_are_those_of_the_settings():
    options = IndexOptions.from_settings(Settings())
    assert (options.passage_tokens, options.overlap) == (240, 0.15)
    assert options.max_file_bytes == 50_000_000
    assert (options.paths, options.include, options.exclude) == ((), None, None)
    assert not (options.dry_run or options.prune or options.rebuild or options.records)


def test_settings_reach_the_limits_of_reading_and_of_ocr():
    settings = Settings(
        passage_tokens=99, overlap=0.0, max_file_mb=0.5, reader_seconds=7, ocr_pages=3
    )
    options = IndexOptions.from_settings(settings)
    assert (options.passage_tokens, options.overlap, options.max_file_bytes) == (99, 0.0, 500_000)
    assert (options.limits.seconds, options.ocr.limits.pages) == (7, 3)


def test_options_from_the_settings_have_no_second_default():
    without = {
        field.name
        for field in dataclasses.fields(IndexOptions)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }
    assert without == {"passage_tokens", "overlap", "max_file_bytes", "limits", "ocr"}
    with pytest.raises(TypeError, match="passage_tokens"):
        IndexOptions(paths=["notes"])


def test_read_settings_name_size_overlap_and_model():
    options = IndexOptions.from_settings(Settings(), records=True)
    base = ReadSettings.from_options(options, "0123456789abcdef0123").base
    assert base.endswith("240 tokens, overlap 0.15, model 0123456789abcdef, by records")


def test_a_file_read_with_other_settings_does_not_match():
    current = ReadSettings("base", "tesseract eng", "30 s")
    assert current.match(current.note(images=False, failed=False))
    assert current.match(current.note(images=True, failed=True))
    assert not current.match("other")
    assert not current.match(None)


def test_only_files_with_images_depend_on_the_ocr_engine():
    before = ReadSettings("base", None, "30 s")
    now = ReadSettings("base", "tesseract eng", "30 s")
    assert now.match(before.note(images=False, failed=False))
    assert not now.match(before.note(images=True, failed=False))
    assert before.match(now.note(images=True, failed=False))  # recognised text stays valid


def test_only_failed_files_depend_on_the_limits():
    before, now = ReadSettings("base", None, "30 s"), ReadSettings("base", None, "60 s")
    assert now.match(before.note(images=False, failed=False))
    assert not now.match(before.note(images=False, failed=True))


def test_a_file_read_with_another_depends_on_it():
    settings = ReadSettings("base")
    note = settings.note(images=False, failed=False, encrypted=True, beside="ab12")
    assert settings.match(note) and settings.match(note, beside="ab12")
    assert not settings.match(note, beside="") and not settings.match(note, beside="cd34")
    assert settings.match(settings.note(images=False, failed=False), beside="")
