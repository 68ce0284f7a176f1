"""An answer of the sources' own sentences: those nearest to the question, each cited.

Contract: whole sentences, items with their lead-in, rows with their header, in the order of the
document, the best source first; no two that say the same; none that hangs on one left out. A
sentence counts for what it says, for what its neighbours say (an answer seldom repeats the
question's words) and for its source. Where the sources are not near enough there is no answer: see
`answerable`, whose numbers docs/answers.md explains. Knows no store and no model but the lens.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ragkit.answers import Lens
from ragkit.answers.citation_check import citation
from ragkit.answers.sentences import Sentence, sentences
from ragkit.records.answers import Citation
from ragkit.records.documents import Hit

ROOM = 1200  # characters of an answer
_NEIGHBOUR = 0.5  # part of a sentence's score that the better of its neighbours gives
_WORDS = 0.3  # weight of the words that a sentence shares with the question, by rarity
_RANK = 0.04  # what each place of its source behind the first costs a sentence
_BEHIND = 0.3  # what a sentence's score may be below the best one's
_SAME = 0.8  # cosine from which two sentences say the same
_BESIDE = 0.6  # of the best source's cosine that another must have to be heard beside it
_MOST = 120  # sentences that are compared

NEAR = 0.32  # of a question that the sources answer, at least
_TOP = 3  # passages whose cosine is averaged
_ALONE = 0.15  # cosine by which one passage must be nearer than three to count as much
_NAME = 0.15  # what each name costs that the question has and no source; two at most
_PART = 3  # words that a sentence of the question must have to be one of its own
_ITEM = re.compile(r"(?:[-*+•‣◦▪·]|\d{1,3}[.)])[^\S\n]+(?=\S)")
# What a sentence begins with that goes on from the one before it: some say only that, ...
_OPENER = re.compile(
    r"(?:(?:however|so|thus|hence|therefore|then|but|and|also|moreover|furthermore|nevertheless"
    r"|consequently|similarly|in other words|for this reason|as a result|jedoch|allerdings|daher"
    r"|deshalb|aber|und|außerdem|cependant|donc|mais|et|ainsi|sin embargo|pero|además),\s+"
    r"|(?:so|thus|hence|therefore)\s+(?=(?:an?|the|it|if|when|you|there|any|every)\b)"
    r"|(?:but|and)\s+(?!(?:for|yet|so|as)\b)(?=\w))",
    re.IGNORECASE,
)
# ... and some would say another thing without it.
_HANGS = re.compile(
    r"(?:otherwise|instead|in that case|this|these|those|they|such|sonst|sinon|si no)\b",
    re.IGNORECASE,
)
_ANNOUNCES = re.compile(
    r"[:?：？][*_\"'”’)\]]{0,3}$"
)  # what a sentence ends with that says nothing alone
# Sentences about nothing in common: how alike they are to an encoder is where its scale begins.
_UNRELATED = (
    "The ferry to the island leaves at seven in the morning.",
    "Knead the dough until it is smooth and let it rest overnight.",
    "Our quarterly revenue grew less than the analysts had expected.",
    "The patient should take one tablet twice a day after meals.",
    "A prime number has no divisors except one and itself.",
    "She tuned the violin and waited for the conductor's sign.",
)


@dataclass(frozen=True, slots=True)
class _Candidate:
    hit: Hit
    sentence: Sentence
    text: str


def extracted(lens: Lens, hits: Sequence[Hit]) -> list[tuple[str, Citation]]:
    """What is said and its citation, in the order of the answer; nothing where the sources do not
    answer the question."""
    best = max((hit.score for hit in hits), default=0.0)
    heard = [hit for hit in hits if hit.score >= _BESIDE * best]
    candidates = list(_candidates(heard))[:_MOST]
    if not candidates:
        return []
    vectors = lens.encode([each.text for each in candidates] + list(_UNRELATED))
    vectors, unrelated = vectors[: len(candidates)], vectors[len(candidates) :]
    if not answerable(lens.question, hits, unrelated, _nearer(lens, vectors)):
        return []
    scores = _smoothed(candidates, _scores(lens, candidates, vectors))
    chosen = _chosen(candidates, scores, vectors)
    return list(_said([candidates[each] for each in chosen]))


def answerable(
    question: str, hits: Sequence[Hit], unrelated: NDArray[np.float32], nearer: float = 0.0
) -> bool:
    """Whether the hits are near enough to the question to answer it.

    `unrelated` is (n, d) float32, unit rows of sentences that have nothing in common; `nearer` is a
    cosine, by how much one sentence of the question is nearer to the sources than the whole.
    """
    return nearness(question, hits, unrelated, nearer) >= NEAR


def nearness(
    question: str, hits: Sequence[Hit], unrelated: NDArray[np.float32], nearer: float = 0.0
) -> float:
    """How near the sources are: 0 for unrelated texts, 1 for equal ones. See `answerable`."""
    best = sorted((hit.score for hit in hits), reverse=True)[:_TOP]
    if not best:
        return 0.0
    near = max(sum(best) / len(best), best[0] - _ALONE) + nearer
    near -= _NAME * min(2, len(missing_names(question, hits)))
    pairs = unrelated @ unrelated.T
    floor = float(pairs[~np.eye(len(pairs), dtype=bool)].mean())
    return (near - floor) / (1 - floor)


def missing_names(question: str, hits: Sequence[Hit]) -> list[str]:
    """Names in the question that no source has: words with a capital that begin no sentence, with
    a capital or a digit inside, or with an underscore; not plain numbers. Where most words have a
    capital, as in German or in a title, a capital says nothing.
    """
    words = list(re.finditer(r"\w(?:[\w.@-]*\w)?", question))
    inside = [word[0] for word in words if not _begins(question, word.start()) and word[0] != "I"]
    many = sum(word[0].isupper() for word in inside) > 0.3 * len(inside)
    there = "\n".join(f"{hit.title}\n{' '.join(hit.heading)}\n{hit.text}" for hit in hits).lower()
    missing = []
    for word in words:
        said = word[0]
        begins = _begins(question, word.start())
        mixed = any(map(str.isdigit, said)) and any(map(str.isalpha, said))
        inner = mixed or "_" in said or any(map(str.isupper, said[1:]))
        capital = said[0].isupper() and not begins and not many
        if len(said) > 1 and (inner or capital) and said.lower() not in there:
            missing.append(said)
    return missing


def question_sentences(question: str, terms: Callable[[str], list[str]]) -> list[str]:
    """The sentences of a question that has several, as far as they ask something of their own:
    not "Why?", nor "Is that a bad idea?"."""
    said = [question[each.start : each.end] for each in sentences(question)]
    return [each for each in said if len(terms(each)) >= _PART] if len(said) > 1 else []


def _begins(question: str, at: int) -> bool:
    """Whether the word at a place of the question begins a sentence."""
    before = question[:at].rstrip()
    return not before or before[-1] in ".?!:\"'“„«¿"


def _nearer(lens: Lens, vectors: NDArray[np.float32]) -> float:
    """By how much one sentence of the question is nearer to the nearest sentences of the sources
    than the whole question is: what stands beside it makes it no less answered."""

    def near(asked: NDArray[np.float32]) -> float:
        return float(np.sort(vectors @ asked)[-_TOP:].mean())

    return max([0.0, *(near(part) - near(lens.vector) for part in lens.parts)])


def _candidates(hits: Sequence[Hit]) -> Iterator[_Candidate]:
    for hit in hits:
        for each in sentences(hit.text, hit.heading):
            yield _Candidate(hit, each, hit.text[each.start : each.end])


def _scores(
    lens: Lens, candidates: Sequence[_Candidate], vectors: NDArray[np.float32]
) -> NDArray[np.float32]:
    """(n,) float32: cosine to the question, and the share of its words by rarity."""
    rarity = {term: lens.rarity(term) for term in lens.terms(lens.question)}
    whole = sum(rarity.values()) or 1.0
    shared = [
        sum(rarity.get(term, 0.0) for term in lens.terms(each.text)) / whole for each in candidates
    ]
    return vectors @ lens.vector + np.float32(_WORDS) * np.array(shared, dtype=np.float32)


def _smoothed(candidates: Sequence[_Candidate], scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """The scores with what the neighbours and the source of each sentence add."""
    found = scores.copy()
    for at in range(len(scores)):
        for beside in (at - 1, at + 1):
            if 0 <= beside < len(scores) and candidates[beside].hit is candidates[at].hit:
                mixed = (1 - _NEIGHBOUR) * scores[at] + _NEIGHBOUR * scores[beside]
                found[at] = max(found[at], mixed)
    sources = [each.hit.score - _RANK * (each.hit.rank - 1) for each in candidates]
    return found + np.array(sources, dtype=np.float32)


def _chosen(
    candidates: Sequence[_Candidate], scores: NDArray[np.float32], vectors: NDArray[np.float32]
) -> list[int]:
    """Positions of the sentences that are said, in order: the best that have room, without those
    that say what another has said; one that goes on from a sentence comes with it, one that
    announces another with that, or not at all."""
    chosen: list[int] = []
    room = ROOM
    order = np.argsort(-scores, kind="stable").tolist()
    order = [at for at in order if _announced(candidates, at) is not None] or order
    for at in order:
        if scores[at] < scores[order[0]] - _BEHIND:
            break
        if at in chosen or (chosen and float(np.max(vectors[chosen] @ vectors[at])) > _SAME):
            continue
        needed = [at, at + 1] if _announced(candidates, at) else [at]
        if sum(len(candidates[each].text) for each in needed) > room:
            continue
        if at - 1 not in chosen and _goes_on(candidates, at):
            more = [at - 1, *needed]
            needed = more if sum(len(candidates[each].text) for each in more) <= room else needed
        needed = [each for each in needed if each not in chosen]
        chosen += needed
        room -= sum(len(candidates[each].text) for each in needed)
    return sorted(chosen or order[:1])  # else one very long sentence


def _goes_on(candidates: Sequence[_Candidate], at: int) -> bool:
    """Whether a sentence says nothing without the one before it in its paragraph."""
    return bool(
        at
        and _HANGS.match(candidates[at].text)
        and candidates[at - 1].hit is candidates[at].hit
        and _follows(candidates[at - 1], candidates[at])
    )


def _announced(candidates: Sequence[_Candidate], at: int) -> bool | None:
    """Whether a sentence announces the one behind it, as a lead-in or a question does, and says
    nothing alone; None where nothing is behind it."""
    if not _ANNOUNCES.search(candidates[at].text.rstrip()):
        return False
    if at + 1 == len(candidates) or candidates[at + 1].hit is not candidates[at].hit:
        return None
    between = slice(candidates[at].sentence.end, candidates[at + 1].sentence.start)
    return True if not candidates[at].hit.text[between].strip() else None


def _said(chosen: Sequence[_Candidate]) -> Iterator[tuple[str, Citation]]:
    """Sentences that follow each other are one quote; what a quote needs to be understood, and
    no sentence before it has said, is said before it."""
    runs: list[list[_Candidate]] = []
    for each in chosen:
        last = runs[-1][-1] if runs else None
        if last is not None and last.hit is each.hit and _follows(last, each):
            runs[-1].append(each)
        else:
            runs.append([each])
    told = {(each.hit.rank, each.sentence.start, each.sentence.end) for each in chosen}
    for n, run in enumerate(runs, start=1):
        hit, start, end = run[0].hit, run[0].sentence.start, run[-1].sentence.end
        context = run[0].sentence.context
        before = ""
        if context is not None and (hit.rank, *context) not in told:
            told.add((hit.rank, *context))
            before = f"{hit.text[slice(*context)]}\n"
        said = hit.text[start:end]
        yield before + (said if before else _opened(said)), citation(n, hit, start, end)


def _opened(text: str) -> str:
    """A text that nothing stands before: without a "However," that would point there, and where
    it is one item, without the mark of a list."""
    if "\n" not in text.strip():
        item = _ITEM.match(text)
        text = text[item.end() :] if item else text
    opener = _OPENER.match(text)
    if opener is None:
        return text
    rest = text[opener.end() :]
    return rest[:1].upper() + rest[1:]


def _follows(one: _Candidate, later: _Candidate) -> bool:
    """Whether both are said as one: in one paragraph, or a list with its lead-in."""
    if later.sentence.context == (one.sentence.start, one.sentence.end):
        return not one.hit.text[one.sentence.end : later.sentence.start].strip()
    between = one.hit.text[one.sentence.end : later.sentence.start]
    same_list = (
        later.sentence.context is not None and later.sentence.context == one.sentence.context
    )
    return not between.strip() and (same_list or "\n\n" not in between)
