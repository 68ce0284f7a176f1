"""An extractive answer: the sentences of the sources that match the question best, each cited.

The answer has complete sentences, list items after their lead-in and table rows after their header,
in the order of the document, the best source first. No two sentences say the same, and none is
taken without the one that it depends on. A sentence has with it the code or formula displayed after
it. A sentence is scored by its own similarity to the
question, by that of its neighbours (an answer seldom repeats the question's words) and by its
source. If the sources do not answer the question there is no answer: `is_answerable` decides;
docs/answers.md explains its constants, bench/RESULTS.md ("Choices behind docs/answers.md") has the
measurements. Knows no store and no encoder except through the scorer.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ragkit.answers.sanitize import format_display
from ragkit.passages.displays import display_lines
from ragkit.passages.sentences import SENTENCE_END, Sentence, split_sentences
from ragkit.records.answers import Citation, build_citation
from ragkit.records.hits import Hit
from ragkit.retrieval.notices import MIN_CLOSENESS, UNRELATED, unrelated_cosine

# Selection of sentences. A score is a cosine on the scale of `Scale` plus the terms below.
MAX_ANSWER_LENGTH = 1200  # characters of an answer
NEIGHBOR_WEIGHT = 0.5  # share of a sentence's score that its better neighbour may contribute
TERM_WEIGHT = 0.3  # of the idf-weighted share of the question's terms
RANK_PENALTY = 0.04  # for each rank of the source after the first
MAX_SCORE_GAP = 0.3  # below the score of the best sentence
MAX_SIMILARITY = 0.8  # cosine to a chosen sentence above which a sentence is a repetition
MIN_SOURCE_SHARE = 0.6  # of the best source's cosine; sources below it are left out
_MAX_SENTENCES = 120  # that are compared; bounds the time of the encoder

# Whether there is an answer. All are on the same scale, except the last ones.
MIN_ANSWERABILITY = MIN_CLOSENESS
SINGLE_SOURCE_PENALTY = 0.15  # one good source counts as much as three that are worse by this
MISSING_NAME_PENALTY = 0.16  # for each name in the question that no source contains
ABSENT_IDENTIFIER_PENALTY = 0.3  # where the question has an identifier that no passage contains
MIN_COVERAGE = 0.75  # share of the question's words in one source above which it counts in addition
COVERAGE_BONUS = 0.4  # of what is above it
# Weights of the reranker's best logit, where it read the sources. One that it calls relevant is
# nearly always an answer; a negative logit says less, because of questions in other words.
RELEVANT_WEIGHT, IRRELEVANT_WEIGHT = 0.02, 0.005
MAX_LOGIT = 8.0  # beyond which it counts no further, in both directions
_MAX_MISSING_NAMES = 2  # that are counted
_TOP = 3  # passages, or sentences, whose cosine is averaged
_MIN_TERMS = 3  # of a sentence of the question that is compared by itself
_MIN_OPEN_WORDS = 4  # of a sentence without an end that goes on in the next paragraph
_MAX_CAPITALS = 0.3  # share of capitalized words above which a capital does not show a name

_LIST_MARKER = re.compile(r"(?:[-*+•‣◦▪·]|\d{1,3}[.)])[^\S\n]+(?=\S)")
# A connective at the beginning of a sentence that refers to the sentence before and can be removed.
_CONNECTIVE = re.compile(
    r"(?:(?:however|so|thus|hence|therefore|then|but|and|also|moreover|furthermore|nevertheless"
    r"|consequently|similarly|in other words|for this reason|as a result|jedoch|allerdings|daher"
    r"|deshalb|aber|und|außerdem|cependant|donc|mais|et|ainsi|sin embargo|pero|además),\s+"
    r"|(?:so|thus|hence|therefore)\s+(?=(?:an?|the|it|if|when|you|there|any|every)\b)"
    r"|(?:but|and)\s+(?!(?:for|yet|so|as)\b)(?=\w))",
    re.IGNORECASE,
)
# A beginning without which the sentence would mean something else: it needs the sentence before.
_DEPENDENT = re.compile(
    r"(?:otherwise|instead|in that case|this|these|those|they|such|sonst|sinon|si no)\b",
    re.IGNORECASE,
)
# A beginning of a sentence that limits what the sentence before says.
_LIMITATION = re.compile(
    r"(?:however|but|yet|unless|except|nevertheless|nonetheless|that said|on the other hand|jedoch"
    r"|allerdings|aber|dennoch|außer|cependant|toutefois|mais|sauf|sin embargo|no obstante|pero"
    r"|salvo|però|tuttavia|porém|contudo|maar|echter|однако|но)(?!\w)|但是|不过|然而|ただし|しかし",
    re.IGNORECASE,
)
_IDENTIFIER = re.compile(
    r"(?<![\w.-])(?:[^\W\d_]+[-.]?\d{2,}\w*|[^\W_]++(?:_++[^\W_]++)++|\d+(?:\.\d+){2,})(?![\w-])"
)
_INTRODUCTION = re.compile(r"[:?：？][*_\"'”’)\]]{0,3}$")  # the end of a lead-in or a question


@dataclass(frozen=True, slots=True)
class QuestionScorer:
    """A question and the functions by which texts are compared with it.

    It is all that `answers` knows of the encoder and of the lexical index.
    """

    question: str
    vector: NDArray[np.float32]  # (d,) of the question, of unit length
    encode: Callable[[Sequence[str]], NDArray[np.float32]]  # texts → (n, d), unit rows
    terms: Callable[[str], list[str]]  # the index terms of a text, each once
    idf: Callable[[str], float]  # inverse document frequency of a term in the collection
    # (d,) each, unit length: of the sentences of the question, if it has several (`split_question`)
    sentence_vectors: Sequence[NDArray[np.float32]] = ()
    min_relevance: float = MIN_ANSWERABILITY  # of the sources, below which there is no answer


@dataclass(frozen=True, slots=True)
class _Candidate:
    hit: Hit
    sentence: Sentence
    text: str


def extract_answer(scorer: QuestionScorer, hits: Sequence[Hit]) -> list[tuple[str, Citation]]:
    """Return the parts of an answer, each with its citation, in the order of the answer.

    A part is the quote, after its lead-in or header where it needs one. The list is empty if the
    sources do not answer the question.
    """
    return score_and_extract(scorer, hits)[1]


def score_and_extract(
    scorer: QuestionScorer, hits: Sequence[Hit]
) -> tuple[float, list[tuple[str, Citation]]]:
    """Return the relevance of the sources and the parts of `extract_answer`.

    Relevance is 0 for unrelated texts and 1 for equal ones, with any encoder. There are no parts if
    it is below `scorer.min_relevance`.
    """
    floor = unrelated_cosine(scorer.encode(list(UNRELATED)))
    scale = Scale(floor)
    best = max((scale.cosine(hit) for hit in hits), default=0.0)
    sources = [hit for hit in hits if scale.cosine(hit) >= MIN_SOURCE_SHARE * best]
    candidates = list(_candidates(sources))[:_MAX_SENTENCES]
    if not candidates:
        return 0.0, []
    vectors = scorer.encode([candidate.text for candidate in candidates])
    relevance = score_answerability(scorer.question, hits, floor, _sentence_gain(scorer, vectors))
    relevance += COVERAGE_BONUS * max(0.0, highest_coverage(scorer, hits) - MIN_COVERAGE)
    if find_absent_identifiers(scorer.question, scorer.terms, scorer.idf):
        relevance -= ABSENT_IDENTIFIER_PENALTY
    logit = best_logit(hits)
    relevance += (RELEVANT_WEIGHT if logit > 0 else IRRELEVANT_WEIGHT) * logit
    if relevance < scorer.min_relevance:
        return relevance, []
    scores = _add_context(candidates, _score_sentences(scorer, candidates, vectors, scale), scale)
    chosen = _choose(candidates, scores, vectors, scale)
    return relevance, list(_build_parts([candidates[index] for index in chosen]))


@dataclass(frozen=True, slots=True)
class Scale:
    """Cosines of any encoder on the scale of this module: 0 for unrelated texts, 1 for equal ones.

    `floor` is the encoder's mean cosine between unrelated sentences: about 0 for the default model,
    0.7 and more for others.
    """

    floor: float

    def cosine(self, hit: Hit) -> float:
        """Return that of a source; 0, as of an unrelated one, if the encoder cannot read it."""
        return 0.0 if hit.score is None else (hit.score - self.floor) / (1 - self.floor)

    def __call__(self, cosines: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return an array of cosines on this scale."""
        return (cosines - np.float32(self.floor)) / np.float32(1 - self.floor)


def score_answerability(
    question: str, hits: Sequence[Hit], floor: float, gain: float = 0.0
) -> float:
    """Return how similar the sources are to the question: 0 for unrelated texts, 1 for equal ones.

    `floor` is the mean cosine between unrelated sentences. `gain` is a difference of cosines: how
    much more similar one sentence of the question is to the sources than the whole question.
    """
    scale = Scale(floor)
    best = sorted(map(scale.cosine, hits), reverse=True)[:_TOP]
    if not best:
        return 0.0
    relevance = max(sum(best) / len(best), best[0] - SINGLE_SOURCE_PENALTY) + gain / (1 - floor)
    missing = find_missing_names(question, hits)
    return relevance - MISSING_NAME_PENALTY * min(_MAX_MISSING_NAMES, len(missing))


def best_logit(hits: Sequence[Hit]) -> float:
    """Return the reranker's highest logit, between ±MAX_LOGIT; 0 if it read none of the sources."""
    read = [share for hit in hits if (share := hit.scores["rerank"]) is not None]
    if not read:
        return 0.0
    share = max(read)  # the logistic function of the logit
    if not 0 < share < 1:
        return MAX_LOGIT if share >= 1 else -MAX_LOGIT
    return min(MAX_LOGIT, max(-MAX_LOGIT, math.log(share / (1 - share))))


def find_missing_names(question: str, hits: Sequence[Hit]) -> list[str]:
    """Return the names in the question that no source contains.

    A name is a word with a capital that does not begin a sentence, with a capital or a digit
    inside, or with an underscore; a plain number is not. If most words of the question are
    capitalized, as in German or in a title, a capital at the beginning does not show a name.
    """
    words = list(re.finditer(r"\w(?:[\w.@-]*\w)?", question))
    inner = [
        word[0] for word in words if not _begins_sentence(question, word.start()) and word[0] != "I"
    ]
    capitals_are_usual = sum(word[0].isupper() for word in inner) > _MAX_CAPITALS * len(inner)
    sources = source_text(hits).lower()
    missing = []
    for match in words:
        word = match[0]
        begins = _begins_sentence(question, match.start())
        is_mixed = any(map(str.isdigit, word)) and any(map(str.isalpha, word))
        is_identifier = is_mixed or "_" in word or any(map(str.isupper, word[1:]))
        is_capitalized = word[0].isupper() and not begins and not capitals_are_usual
        is_name = len(word) > 1 and (is_identifier or is_capitalized)
        if is_name and word.lower() not in sources:
            missing.append(word)
    return missing


def highest_coverage(scorer: QuestionScorer, hits: Sequence[Hit]) -> float:
    """Return the highest share, by idf, of the question's words that one source contains; 0 for a
    question of fewer than three."""
    idf = {term: scorer.idf(term) for term in scorer.terms(scorer.question)}
    total = sum(idf.values())
    if len(idf) < _MIN_TERMS or not total:
        return 0.0
    sources = (set(scorer.terms(source_text([hit]))) for hit in hits)
    return max((sum(idf[t] for t in idf if t in terms) / total for terms in sources), default=0.0)


def find_absent_identifiers(
    question: str, terms: Callable[[str], list[str]], idf: Callable[[str], float]
) -> list[str]:
    """Return the identifiers of the question that occur nowhere in the collection, in no spelling:
    codes with two digits or more (`E4711`, `DEC-0054`), words with an underscore, versions
    (`2.4.10`)."""
    absent = idf("")  # that of a term in no passage
    return [
        word
        for word in dict.fromkeys(_IDENTIFIER.findall(question))
        if (found := terms(word)) and idf(max(found, key=len)) >= absent
    ]


def source_text(hits: Sequence[Hit]) -> str:
    """Return all that the sources say, one per paragraph: title, headings and text."""
    return "\n".join(f"{hit.title}\n{' '.join(hit.heading)}\n{hit.text}" for hit in hits)


def split_question(question: str, terms: Callable[[str], list[str]]) -> list[str]:
    """Return the sentences of a question that has several.

    Sentences with fewer than three terms are left out, such as "Why?" and "Is that a bad idea?".
    """
    sentences = [question[span.start : span.end] for span in split_sentences(question)]
    if len(sentences) < 2:
        return []
    return [sentence for sentence in sentences if len(terms(sentence)) >= _MIN_TERMS]


def _begins_sentence(question: str, offset: int) -> bool:
    """Whether the word at a character offset begins a sentence of the question."""
    before = question[:offset].rstrip()
    return not before or before[-1] in ".?!:\"'“„«¿"


def _sentence_gain(scorer: QuestionScorer, vectors: NDArray[np.float32]) -> float:
    """Return how much more similar one sentence of the question is to the sources than the whole
    question, 0 or more: a question is not less answered because of the sentences around it.

    `vectors` are those of the sources' sentences. Compares means of the highest cosines.
    """

    def mean_of_top(query: NDArray[np.float32]) -> float:
        return float(np.sort(vectors @ query)[-_TOP:].mean())

    if not scorer.sentence_vectors:
        return 0.0
    best = max(mean_of_top(vector) for vector in scorer.sentence_vectors)
    return max(0.0, best - mean_of_top(scorer.vector))


def _candidates(hits: Sequence[Hit]) -> Iterator[_Candidate]:
    for hit in hits:
        for sentence in split_sentences(hit.text, hit.heading):
            yield _Candidate(hit, sentence, hit.text[sentence.start : sentence.end])


def _score_sentences(
    scorer: QuestionScorer,
    candidates: Sequence[_Candidate],
    vectors: NDArray[np.float32],
    scale: Scale,
) -> NDArray[np.float32]:
    """Return (n,) float32: cosine to the question plus the weighted share of its terms."""
    idf = {term: scorer.idf(term) for term in scorer.terms(scorer.question)}
    total = sum(idf.values()) or 1.0
    shares = [
        sum(idf.get(term, 0.0) for term in scorer.terms(candidate.text)) / total
        for candidate in candidates
    ]
    weighted = np.float32(TERM_WEIGHT) * np.array(shares, dtype=np.float32)
    return scale(vectors @ scorer.vector) + weighted


def _add_context(
    candidates: Sequence[_Candidate], scores: NDArray[np.float32], scale: Scale
) -> NDArray[np.float32]:
    """Return the scores with the share of the better neighbour and the score of the source."""
    combined = scores.copy()
    for index in range(len(scores)):
        for neighbor in (index - 1, index + 1):
            if 0 <= neighbor < len(scores) and candidates[neighbor].hit is candidates[index].hit:
                mixed = (1 - NEIGHBOR_WEIGHT) * scores[index] + NEIGHBOR_WEIGHT * scores[neighbor]
                combined[index] = max(combined[index], mixed)
    sources = [
        scale.cosine(candidate.hit) - RANK_PENALTY * (candidate.hit.rank - 1)
        for candidate in candidates
    ]
    return combined + np.array(sources, dtype=np.float32)


def _choose(
    candidates: Sequence[_Candidate],
    scores: NDArray[np.float32],
    vectors: NDArray[np.float32],
    scale: Scale,
) -> list[int]:
    """Return the positions of the chosen sentences, ascending.

    The best sentences are taken while there is room, except repetitions. A sentence that depends
    on the one before is taken together with it, an introduction together with the one after it.
    """

    def length(indexes: Sequence[int]) -> int:
        return sum(len(candidates[index].text) for index in indexes)

    def is_incomplete(index: int) -> bool:
        """Whether a sentence says nothing by itself and what it needs is missing or too long."""
        if _is_unfinished(candidates, index):
            return length(_with_displays(candidates, index)) > MAX_ANSWER_LENGTH
        return _is_lone_introduction(candidates, index)

    chosen: list[int] = []
    room = MAX_ANSWER_LENGTH
    order = np.argsort(-scores, kind="stable").tolist()
    order = [index for index in order if not is_incomplete(index)] or order
    for index in order:
        if scores[index] < scores[order[0]] - MAX_SCORE_GAP:
            break
        if index in chosen:
            continue
        if chosen and scale(vectors[chosen] @ vectors[index]).max() > MAX_SIMILARITY:
            continue
        group = _with_displays(candidates, index)
        if length(group) > room and not _is_unfinished(candidates, index):
            group = [index]
        if _introduces_next(candidates, group[-1]):
            group.append(group[-1] + 1)
        if length(group) > room:
            continue
        if _is_limited_by_next(candidates, group[-1]) and group[-1] + 1 not in chosen:
            with_next = [*group, group[-1] + 1]
            group = with_next if length(with_next) <= room else group
        if group[0] - 1 not in chosen and _depends_on_previous(candidates, group[0]):
            with_previous = [group[0] - 1, *group]
            group = with_previous if length(with_previous) <= room else group
        group = [position for position in group if position not in chosen]
        chosen += group
        room -= length(group)
    return sorted(chosen or order[:1])  # one sentence that is longer than the room


def _with_displays(candidates: Sequence[_Candidate], index: int) -> list[int]:
    """Return the positions of what belongs together with a sentence or a display: the sentence
    before, the displays after it, and the rest of the sentence after them ("where x is …")."""
    first = last = index
    while first > 0 and _is_joined(candidates[first - 1], candidates[first]):
        first -= 1
    while last + 1 < len(candidates) and _is_joined(candidates[last], candidates[last + 1]):
        last += 1
    return list(range(first, last + 1))


def _is_joined(first: _Candidate, second: _Candidate) -> bool:
    """Whether a display follows its sentence, or the rest of a sentence its display or beginning in
    another paragraph."""
    if first.hit is not second.hit or _text_between(first, second).strip():
        return False
    is_open = first.sentence.is_display or (
        first.sentence.context is None
        and len(first.text.split()) >= _MIN_OPEN_WORDS
        and not SENTENCE_END.search(first.text)
    )
    return second.sentence.is_display or (is_open and second.text[:1].islower())


def _is_unfinished(candidates: Sequence[_Candidate], index: int) -> bool:
    """Whether a sentence without the display after it says nothing: "has the general form"."""
    if len(_with_displays(candidates, index)) == 1:
        return False
    return not SENTENCE_END.search(candidates[index].text) or _is_introduction(candidates[index])


def _depends_on_previous(candidates: Sequence[_Candidate], index: int) -> bool:
    """Whether a sentence needs the one before it in its paragraph, as "Otherwise …" does."""
    return bool(
        index
        and _DEPENDENT.match(candidates[index].text)
        and candidates[index - 1].hit is candidates[index].hit
        and _follows(candidates[index - 1], candidates[index])
    )


def _is_limited_by_next(candidates: Sequence[_Candidate], index: int) -> bool:
    """Whether the next sentence of the paragraph limits what a sentence says, as "However …"
    does."""
    if index + 1 == len(candidates) or candidates[index + 1].hit is not candidates[index].hit:
        return False
    following = candidates[index + 1]
    return bool(_LIMITATION.match(following.text)) and _follows(candidates[index], following)


def _is_introduction(candidate: _Candidate) -> bool:
    """Whether a sentence says nothing alone: a lead-in or a question."""
    return _INTRODUCTION.search(candidate.text.rstrip()) is not None


def _is_lone_introduction(candidates: Sequence[_Candidate], index: int) -> bool:
    """Whether a sentence is an introduction and nothing of its source follows it directly."""
    return _is_introduction(candidates[index]) and not _introduces_next(candidates, index)


def _introduces_next(candidates: Sequence[_Candidate], index: int) -> bool:
    """Whether a sentence is an introduction of the next one."""
    if not _is_introduction(candidates[index]):
        return False
    if index + 1 == len(candidates) or candidates[index + 1].hit is not candidates[index].hit:
        return False
    between = slice(candidates[index].sentence.end, candidates[index + 1].sentence.start)
    return not candidates[index].hit.text[between].strip()


def _build_parts(chosen: Sequence[_Candidate]) -> Iterator[tuple[str, Citation]]:
    """Yield the texts and citations of an answer from the chosen sentences, in order.

    Sentences that follow each other become one quote. The lead-in or header that a quote needs is
    put before it, unless it is a chosen sentence itself or was put before an earlier quote.
    """
    runs: list[list[_Candidate]] = []
    for candidate in chosen:
        previous = runs[-1][-1] if runs else None
        if previous is not None and previous.hit is candidate.hit and _follows(previous, candidate):
            runs[-1].append(candidate)
        else:
            runs.append([candidate])
    shown = {
        (candidate.hit.rank, candidate.sentence.start, candidate.sentence.end)
        for candidate in chosen
    }
    for n, run in enumerate(runs, start=1):
        hit, start, end = run[0].hit, run[0].sentence.start, run[-1].sentence.end
        context = run[0].sentence.context
        quote = _render(run)
        if context is not None and (hit.rank, *context) not in shown:
            shown.add((hit.rank, *context))
            text = f"{hit.text[slice(*context)]}\n{quote}"
        else:
            text = _strip_opening(quote)
        yield text, build_citation(n, hit, start, end)


def _render(run: Sequence[_Candidate]) -> str:
    """Return sentences that follow each other as text. A display is a paragraph of its own that is
    indented, as code is in Markdown."""
    source = run[0].hit.text
    text, offset = "", run[0].sentence.start
    for sentence in (candidate.sentence for candidate in run):
        if sentence.is_display:
            block = format_display(display_lines(source, sentence.start, sentence.end))
            text = f"{text.rstrip()}\n\n{block}\n\n"
        else:
            between = source[offset : sentence.start].replace("::", "", 1)
            if between.count("\n") > 1:  # no indentation, which would make a display of a paragraph
                between = "\n\n"
            text += between.lstrip() if text.endswith("\n\n") else between
            text += source[sentence.start : sentence.end]
        offset = sentence.end
    return text.strip("\n")


def _strip_opening(text: str) -> str:
    """Return a quote without what refers to text before it: a connective such as "However,", and
    the list marker of a single item."""
    if "\n" not in text.strip():
        marker = _LIST_MARKER.match(text)
        text = text[marker.end() :] if marker else text
    connective = _CONNECTIVE.match(text)
    if connective is None:
        return text
    rest = text[connective.end() :]
    return rest[:1].upper() + rest[1:]


def _text_between(first: _Candidate, second: _Candidate) -> str:
    """Return what is between two sentences of a source, without the "::" of reStructuredText."""
    between = first.hit.text[first.sentence.end : second.sentence.start]
    return between.replace("::", "", 1)


def _follows(first: _Candidate, second: _Candidate) -> bool:
    """Whether two sentences of a source belong together: in one paragraph, or in a list with its
    lead-in, with nothing between them."""
    between = _text_between(first, second)
    if between.strip():
        return False
    if _is_joined(first, second):
        return True
    if second.sentence.context == (first.sentence.start, first.sentence.end):
        return True
    same_list = (
        second.sentence.context is not None and second.sentence.context == first.sentence.context
    )
    return same_list or "\n\n" not in between
