"""What a model's README says."""

from __future__ import annotations

from pathlib import Path

import pytest

from ragkit.encoders.model_card import languages


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("---\nlanguage: en\nlicense: mit\n---\n# Card", ("en",)),
        ("---\nlanguage:\n- en\n- 'de'\n-  zh-Hant\ntags: []\n---\n", ("en", "de", "zh-Hant")),
        ("---\nlanguage:\n  - multilingual\n  - pt-br # Brazil\n---\n", ("multilingual", "pt-br")),
        ("---\nlanguage: [en, \"fr\"]\n---\n", ("en", "fr")),
        ("---\nlanguage:\nlicense: mit\n---\n", ()),
        ("---\nlicense: mit\n---\nlanguage: en\n", ()),
        ("# no front matter\nlanguage: en", ()),
        ("---\nlanguage: en", ()),
        ("\udcff---", ()),
    ],
)  # fmt: skip
def test_languages_are_read_from_the_readme(
    tmp_path: Path, text: str, expected: tuple[str, ...]
) -> None:
    (tmp_path / "README.md").write_bytes(text.encode("utf-8", "surrogateescape"))
    assert languages(tmp_path / "README.md") == expected
    assert languages(tmp_path / "nowhere.md") == ()
