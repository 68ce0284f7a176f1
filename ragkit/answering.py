"""From a question to a cited answer: the order in which the stages come.

Question (made whole from the history), sources (found, widened to paragraphs), text (of a language
model, or the sources' own sentences), citations (resolved and checked). What each stage does is
in `retrieval` and `answers`; this module alone knows both. Knows no rendering.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragkit.answer_records import EXTRACTIVE, Answer, Event, Piece, Retrieved, Turn
from ragkit.answers import ChatModel, Lens
from ragkit.answers.rendering import Outgoing
from ragkit.records import Hit

if TYPE_CHECKING:
    from ragkit.encoder_choice import EncoderChoice
    from ragkit.retrieval.request import Request
    from ragkit.settings import Settings
    from ragkit.storage.database import Database
    from ragkit.storage.indexes import Indexes

SOURCES = 6  # passages that an answer is made from, where nobody says another number
NOTHING = "The documents do not answer this."


@dataclass(frozen=True, slots=True)
class Sources:
    """Where answers come from: one collection, searched in one way."""

    store: Database
    indexes: Indexes
    encoders: EncoderChoice
    notify: Callable[[str], None]
    wanted: Request

    def find(self, question: str) -> tuple[Hit, ...]:
        """What answers the question: whole paragraphs, best first, each once."""
        from ragkit.retrieval import paragraphs, pipeline

        asked = (self.store, self.indexes, self.encoders, self.notify, [question], self.wanted)
        found = pipeline.ask(*asked)[0]
        with self.store.reading() as connection:
            return tuple(paragraphs.whole(connection, found))

    def lens(self, question: str) -> Lens:
        """How near texts are to the question."""
        encoder = self.encoders.ready()
        with self.store.reading() as connection:
            words = self.indexes.words(connection)
        vector = self.encoders.query_vector(encoder, question)
        return Lens(question, vector, encoder.encode_passages, words.terms, words.most)


class Chat:
    """A conversation. `stream` of a collection answers; each question knows those before it."""

    def __init__(self, stream: Callable[..., Iterator[Event]]) -> None:
        """`stream` is called with a question and `history`, as `Collection.ask_stream` is."""
        self.history: list[Turn] = []
        self._stream = stream

    def ask(self, text: str) -> Answer:
        """The answer to what is said next."""
        *_, answer = self.stream(text)
        assert isinstance(answer, Answer)  # noqa: S101 (the last event of every stream)
        return answer

    def stream(self, text: str) -> Iterator[Event]:
        """The same as it is made. One that is closed before its end leaves no trace."""
        for event in self._stream(text, history=tuple(self.history)):
            if isinstance(event, Answer):
                self.history.append(Turn(text, event.text))
            yield event


def language_model(settings: Settings) -> ChatModel | None:
    """The language model that the settings name."""
    return None


def stream(
    question: str, history: Sequence[Turn], llm: ChatModel | None, sources: Sources
) -> Iterator[Event]:
    """The events of one answer; see `Collection.ask_stream`."""
    hits = sources.find(question)
    yield Retrieved(hits, question)
    yield from _extracted(question, hits, sources)


def _extracted(question: str, hits: tuple[Hit, ...], sources: Sources) -> Iterator[Event]:
    from ragkit.answers.extractive import extracted

    said = extracted(sources.lens(question), hits) if hits else []
    if not said:
        yield Piece(NOTHING)
        yield Answer(NOTHING, (), False, hits, EXTRACTIVE, question=question)
        return
    out = Outgoing([cited.n for _, cited in said])
    text = " ".join(f"{' '.join(words.split())} [{cited.n}]" for words, cited in said)
    shown = out.feed(text) + out.end()
    yield Piece(shown)
    citations = tuple(cited for _, cited in said)
    yield Answer(shown, citations, True, hits, EXTRACTIVE, question=question)
