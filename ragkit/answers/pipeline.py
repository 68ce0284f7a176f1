"""From a question to a cited answer: the stages in their order.

1. A follow-up question becomes a standalone question (`followup`, or the language model).
2. Retrieval finds the sources and extends them to whole paragraphs.
3. A language model writes the text, or sentences of the sources are quoted (`extractive`).
4. The text is sanitized, its citations are resolved and checked.

Each stage is in `retrieval` or in `answers`; only this module knows both. Does not know how an
answer is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from ragkit.answers.citation_check import check_citations
from ragkit.answers.extractive import (
    MIN_ANSWERABILITY,
    QuestionScorer,
    score_and_extract,
    source_text,
    split_question,
)
from ragkit.answers.followup import covered_share, rewrite_followup, subject_terms
from ragkit.answers.prompt import Prompt, build_prompt, build_rewrite_prompt, is_abstention
from ragkit.answers.sanitize import (
    AnswerSanitizer,
    cite_quote,
    format_quote,
    is_display,
    is_separate_line,
    remove_invisible,
)
from ragkit.encoders.tokenization import estimate
from ragkit.errors import ModelError
from ragkit.records.answers import (
    EXTRACTIVE,
    Answer,
    Event,
    Piece,
    Retrieved,
    Turn,
    Usage,
    last_answer,
)
from ragkit.records.hits import Hit

if TYPE_CHECKING:
    from ragkit.answers.llm import ChatModel, ServerModel
    from ragkit.answers.merged_sources import MergedSources
    from ragkit.retrieval.options import SearchOptions
    from ragkit.retrieval.pipeline import Retriever
    from ragkit.settings import Settings

DEFAULT_SOURCES = 6  # passages that an answer is written from, unless `k` says otherwise
NO_ANSWER = "The documents do not answer this."
_MAX_REWRITE_TOKENS = 128  # of a standalone question that a language model writes
_MAX_REWRITE_LENGTH = 1000  # characters; a longer reply is not a question
_ASCII_PER_TOKEN = 6  # characters per token at most, averaged over a text, in today's tokenizers
_OTHER_PER_TOKEN = 2  # the same for characters beyond ASCII


@dataclass(frozen=True, slots=True)
class Sources:
    """One collection, searched with one set of options."""

    retriever: Retriever
    options: SearchOptions
    min_relevance: float = MIN_ANSWERABILITY  # below which an extractive answer is declined

    def notify(self, line: str) -> None:
        """Give one line of text to the user."""
        self.retriever.notify(line)

    def retrieve(self, question: str) -> tuple[Hit, ...]:
        """Return the hits for a question, extended to whole paragraphs, best first."""
        from ragkit.retrieval import paragraphs

        hits = self.retriever.search([question], replace(self.options, highlight=False))[0]

        def expand() -> tuple[Hit, ...]:
            with self.retriever.store.reading() as connection:
                return tuple(paragraphs.expand_to_paragraphs(connection, hits))

        expanded = self.retriever.store.retry(expand)
        if self.options.highlight:
            return tuple(self.retriever.highlight(question, self.options, expanded))
        return expanded

    def notes(self) -> tuple[str, ...]:
        """Return what an answer says about the ranking: nothing for one collection."""
        return ()

    def unreadable_notice(self, question: str) -> str | None:
        """Return why the question cannot be compared with anything; None if the encoder can read
        it, or if the collection has no encoder yet."""
        from ragkit.retrieval.pipeline import unreadable_query_notice

        if self.retriever.encoders.spec() is None:
            return None
        encoder = self.retriever.encoders.load_encoder()
        if self.retriever.encoders.query_vector(encoder, question).any():
            return None
        return unreadable_query_notice(encoder.name)

    def term_functions(
        self, questions: Sequence[str] = ()
    ) -> tuple[Callable[[str], list[str]], Callable[[str], float]]:
        """Return the functions text → index terms and term → idf in the collection.

        The language of the terms is that of `questions` together, because one question is often too
        short to detect it; without `questions` it is detected for each text.
        """
        from ragkit.analysis.analyzer import content_terms
        from ragkit.analysis.language import detect_language

        with self.retriever.store.reading() as connection:
            index = self.retriever.indexes.lexical(connection)
        terms = (
            partial(content_terms, language=detect_language("\n".join(questions)))
            if questions
            else content_terms
        )
        return terms, index.idf

    def scorer(self, question: str) -> QuestionScorer:
        """Return the scorer of a question; encodes the question and its sentences."""
        encoder = self.retriever.encoders.load_encoder()
        terms, idf = self.term_functions()
        queries = [question, *split_question(question, terms)]
        vector, *sentence_vectors = self.retriever.encoders.query_vectors(encoder, queries)
        return QuestionScorer(
            question, vector, encoder.encode_passages, terms, idf, tuple(sentence_vectors),
            self.min_relevance,
        )  # fmt: skip


AnswerSources: TypeAlias = "Sources | MergedSources"


class Chat:
    """A conversation with a collection: each question is answered knowing the earlier ones."""

    def __init__(self, stream: Callable[..., Iterator[Event]]) -> None:
        """`stream` is called with a question and `history`, as `Collection.ask_stream` is."""
        self.history: list[Turn] = []
        self._stream = stream

    def ask(self, text: str) -> Answer:
        """Return the answer to the next question."""
        return last_answer(self.stream(text))

    def stream(self, text: str) -> Iterator[Event]:
        """Yield the events of the answer to the next question.

        A question is added to the history with its answer; a stream that is closed earlier is not.
        """
        for event in self._stream(text, history=tuple(self.history)):
            if isinstance(event, Answer):
                self.history.append(Turn(text, event.text))
            yield event


def load_language_model(settings: Settings) -> ServerModel | None:
    """Return the language model that the settings name; None if they name none."""
    if settings.llm_preset is None and settings.llm_base_url is None:
        return None
    from ragkit.answers.llm import create_server_model

    return create_server_model(
        settings.llm_preset,
        settings.llm_base_url,
        settings.llm_model,
        settings.llm_api_key_env,
        settings.llm_context_tokens,
    )


def count_tokens(texts: Sequence[str]) -> list[int]:
    """Return the number of tokens of each text, as estimated: a model's tokenizer is unknown."""
    return estimate.count_tokens(texts)


def stream_answer(
    question: str, history: Sequence[Turn], llm: ChatModel | None, sources: AnswerSources
) -> Iterator[Event]:
    """Yield the events of one answer; see `Collection.ask_stream`.

    Without `llm`, and if it fails before its first word, the answer is extractive.
    """
    warnings = _Warnings(sources.notify)
    standalone = question
    if history and llm is not None:
        try:
            standalone = rewrite_by_model(question, history, llm)
        except ModelError as error:
            warnings.add(_unavailable(llm, error))
            llm = None
    if history and llm is None:
        questions = [question, *(turn.question for turn in history)]
        functions = sources.term_functions(questions)
        standalone = rewrite_followup(question, history, *functions)
        if standalone == question:
            hits = sources.retrieve(question)
        else:
            standalone, hits = _retrieve_followup(question, standalone, sources, *functions)
    else:
        hits = sources.retrieve(standalone)
    warnings.texts.extend(sources.notes())
    yield Retrieved(hits, standalone)
    if (notice := sources.unreadable_notice(standalone)) is not None:
        warnings.texts.append(notice)  # the search has given it to the user
        yield from _decline(standalone, hits, warnings)
        return
    if llm is not None and hits:
        try:
            yield from _stream_generated(
                question, standalone, history, llm, hits, sources, warnings
            )
            return
        except _NotStartedError as error:
            warnings.add(_unavailable(llm, error))
    yield from _stream_extractive(standalone, hits, sources, warnings)


def _retrieve_followup(
    question: str,
    standalone: str,
    sources: AnswerSources,
    terms: Callable[[str], list[str]],
    idf: Callable[[str], float],
) -> tuple[str, tuple[Hit, ...]]:
    """Return the question that was searched for, and its hits.

    A question that names a subject is also searched for by itself. It begins a new topic if its
    best source then has more of its words, or as many and a higher score.
    """
    hits = sources.retrieve(standalone)
    if not hits or not (subject := subject_terms(question, terms, idf)):
        return standalone, hits
    own_hits = sources.retrieve(question)
    if not own_hits:
        return standalone, hits

    def fit(hit: Hit) -> tuple[float, float]:
        share = covered_share(subject, set(terms(source_text([hit]))))
        return share, -1.0 if hit.score is None else hit.score

    is_new_topic = fit(own_hits[0]) > fit(hits[0])
    return (question, own_hits) if is_new_topic else (standalone, hits)


@dataclass(frozen=True, slots=True)
class _Warnings:
    """The warnings of one answer; each is also given to `notify` at once."""

    notify: Callable[[str], None]
    texts: list[str] = field(default_factory=list)

    def add(self, text: str) -> None:
        self.texts.append(text)
        self.notify(text)


class _NotStartedError(ModelError):
    """The language model failed before its first word."""


def _unavailable(llm: ChatModel, error: ModelError) -> str:
    return f"{llm.name} is not available ({error}); the answer quotes the sources instead"


def rewrite_by_model(question: str, history: Sequence[Turn], llm: ChatModel) -> str:
    """Return the standalone question that the model writes; `question` if its reply is none.

    Raises ModelError.
    """
    messages = build_rewrite_prompt(question, history)
    with closing(llm.generate(messages, _MAX_REWRITE_TOKENS)) as pieces:
        reply = remove_invisible("".join(pieces)).strip().strip('"')
    line = reply.partition("\n")[0].removeprefix("Question:").strip()
    return line if 0 < len(line) <= _MAX_REWRITE_LENGTH else question


def _stream_generated(
    question: str,
    standalone: str,
    history: Sequence[Turn],
    llm: ChatModel,
    hits: tuple[Hit, ...],
    sources: AnswerSources,
    warnings: _Warnings,
) -> Iterator[Event]:
    """Yield the pieces and the answer of a language model. Raises _NotStartedError."""
    prompt = build_prompt(question, hits, history, llm.context_tokens, count_tokens)
    if len(prompt.sources) < len(hits):
        warnings.add(
            f"{len(hits) - len(prompt.sources)} of {len(hits)} sources did not fit into the "
            f"{llm.context_tokens} tokens of llm_context_tokens"
        )
    cited = {hit.rank: hit for hit in prompt.sources}
    text, usage = yield from _stream_pieces(llm, prompt, AnswerSanitizer(cited), warnings)
    if not text.strip():
        raise _NotStartedError("it returned no text")
    for warning in _usage_warnings(usage, prompt):
        warnings.add(warning)
    citations, unsupported = check_citations(text, cited, sources.scorer(standalone))
    answerable = bool(citations) or not is_abstention(text)
    if not answerable:
        unsupported = ()
    elif not citations:
        warnings.add("the answer cites no source")
    yield Answer(
        text, citations, answerable, hits, llm.name, unsupported, tuple(warnings.texts), usage,
        standalone,
    )  # fmt: skip


def _stream_pieces(
    llm: ChatModel, prompt: Prompt, sanitizer: AnswerSanitizer, warnings: _Warnings
) -> Generator[Piece, None, tuple[str, Usage | None]]:
    """Yield the sanitized pieces of a model's answer; return their text and the token counts.

    An answer that breaks off is kept, with a warning. Raises _NotStartedError.
    """
    text = ""
    usage = None
    with closing(llm.generate(prompt.messages, prompt.answer_tokens)) as generated:
        while True:
            try:
                piece = next(generated)
            except StopIteration as end:
                usage = end.value
                break
            except ModelError as error:
                if not text:
                    raise _NotStartedError(str(error)) from error
                warnings.add(f"the answer is incomplete: {error}")
                usage = broken_off(error)
                break
            if sanitized := sanitizer.feed(piece):
                text += sanitized
                yield Piece(sanitized)
    if rest := sanitizer.end().rstrip():
        text += rest
        yield Piece(rest)
    return text, usage


def broken_off(error: ModelError) -> Usage:
    """Return the usage of an answer that broke off by this error."""
    from ragkit.answers.llm import FilteredError

    return Usage(0, 0, cut_off=True, is_filtered=isinstance(error, FilteredError))


def _usage_warnings(usage: Usage | None, prompt: Prompt) -> Iterator[str]:
    """Yield what the server's token counts show: a shortened prompt, an answer at its limit."""
    if usage is None:
        return
    minimum = sum(_min_tokens(message["content"]) for message in prompt.messages)
    if 0 < usage.prompt_tokens < minimum:
        yield (
            f"the server read {usage.prompt_tokens:,} tokens of a prompt that has at least "
            f"{minimum:,}: it shortened the prompt, which may remove the rules. Start it with a "
            "larger context, or set llm_context_tokens to the context that it has"
        )
    if usage.cut_off and usage.completion_tokens:
        yield f"the answer was cut off at its limit of {prompt.answer_tokens} tokens"


def _min_tokens(text: str) -> int:
    """Return a lower bound of the number of tokens of a text."""
    ascii_length = sum(character.isascii() for character in text)
    return ascii_length // _ASCII_PER_TOKEN + (len(text) - ascii_length) // _OTHER_PER_TOKEN


def _decline(
    question: str, hits: tuple[Hit, ...], warnings: _Warnings, relevance: float | None = None
) -> Iterator[Event]:
    yield Piece(NO_ANSWER)
    yield Answer(
        NO_ANSWER, (), False, hits, EXTRACTIVE, (), tuple(warnings.texts), question=question,
        relevance=relevance,
    )  # fmt: skip


def _stream_extractive(
    question: str, hits: tuple[Hit, ...], sources: AnswerSources, warnings: _Warnings
) -> Iterator[Event]:
    """Yield the pieces and the answer that quotes sentences of the sources, or NO_ANSWER."""
    if not hits:
        yield from _decline(question, hits, warnings)
        return
    relevance, parts = score_and_extract(sources.scorer(question), hits)
    if not parts:
        yield from _decline(question, hits, warnings, relevance)
        return
    citations = tuple(citation for _, citation in parts)
    sanitizer = AnswerSanitizer([citation.n for citation in citations])
    pieces = []
    cited = ""
    for position, (part, citation) in enumerate(parts):
        quote = format_quote(part)
        separator = ""
        if position:
            separator = "\n" if is_separate_line(quote) else " "
            if is_display(quote.partition("\n\n")[0]) or is_display(cited.rpartition("\n\n")[2]):
                separator = "\n\n"
            if citation.citation != citations[position - 1].citation:
                separator = "\n\n"
        cited = cite_quote(quote, citation.n)
        pieces.append(sanitizer.feed(separator + cited))
        yield Piece(pieces[-1])
    pieces.append(sanitizer.end())
    yield Piece(pieces[-1])
    yield Answer(
        "".join(pieces), citations, True, hits, EXTRACTIVE, (), tuple(warnings.texts),
        question=question, relevance=relevance,
    )  # fmt: skip
