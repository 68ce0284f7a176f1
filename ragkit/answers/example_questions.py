"""Questions that a collection can answer, made from the headings of its documents without a model.

A heading that is a question already is taken as it is; another becomes one by a template in the
language of its text. Knows texts; not where they come from.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ragkit.analysis.language import detect_language

_TEMPLATES = {
    "en": "What does “{title}” say about {topic}?",
    "de": "Was steht in „{title}“ über {topic}?",
    "fr": "Que dit « {title} » sur {topic} ?",
    "es": "¿Qué dice «{title}» sobre {topic}?",
    "it": "Che cosa dice «{title}» su {topic}?",
    "nl": "Wat staat er in ‘{title}’ over {topic}?",
    "pt": "O que diz «{title}» sobre {topic}?",
}
_WITHOUT_TEMPLATE = "{topic} – {title}?"
# Words of headings that every document may have.
_GENERIC_WORDS = """
    abstract acknowledgements acknowledgments annex appendix background bibliography changelog
    conclusion conclusions contents details discussion example examples general index
    introduction license links miscellaneous notes overview preface readme references related
    results see also summary table of contents todo unreleased usage
    anhang einleitung einführung inhalt inhaltsverzeichnis literatur zusammenfassung übersicht
    annexe résumé sommaire introducción resumen índice
"""
_GENERIC = frozenset(_GENERIC_WORDS.split())
_MIN_LETTERS, _MAX_WORDS, _MAX_CHARACTERS, _MAX_TITLE = 4, 10, 80, 60
_NUMBER = re.compile(r"^\W*(?:(?:\d+|[A-Z])(?:\.\d+)*[.):]?\s+)?")
_DECORATION = re.compile(r"[*_`#]+")


def make_questions(
    documents: Iterable[Sequence[tuple[str, str, str]]], count: int = 3
) -> tuple[str, ...]:
    """Return at most `count` questions, each about another document.

    `documents`: for each its (title of the document, heading, beginning of the text below it).
    """
    questions: list[str] = []
    for passages in documents:
        if len(questions) == count:
            break
        question = next(filter(None, (_question(*passage) for passage in passages)), None)
        if question is not None and question not in questions:
            questions.append(question)
    return tuple(questions)


def _question(title: str, heading: str, text: str) -> str | None:
    topic = _NUMBER.sub("", _DECORATION.sub("", heading)).strip(" .:–-")
    title = " ".join(title.split())
    words = topic.lower().split()
    is_usable = (
        sum(map(str.isalpha, topic)) >= _MIN_LETTERS
        and len(words) <= _MAX_WORDS
        and len(topic) <= _MAX_CHARACTERS
        and not _GENERIC.issuperset(words)
        and len(title) <= _MAX_TITLE
        and topic.casefold() not in title.casefold()
        and len(text.strip()) > len(heading) + 20  # there is something below it
    )
    if topic.endswith(("?", "？")) and len(topic) <= _MAX_CHARACTERS:
        return topic
    if not is_usable:
        return None
    language = detect_language(text)
    template = _TEMPLATES.get(language, _WITHOUT_TEMPLATE)
    return template.format(title=title, topic=_in_sentence(topic, language))


def _in_sentence(topic: str, language: str) -> str:
    """A heading in the middle of a sentence: its first letter small, unless it is a name."""
    first = topic.split(maxsplit=1)[0]
    keeps_case = language == "de" or any(map(str.isupper, first[1:])) or not first[1:]
    # "Signing Keys Of The Server" has capitals everywhere: they say nothing.
    return topic if keeps_case else topic[0].lower() + topic[1:]
