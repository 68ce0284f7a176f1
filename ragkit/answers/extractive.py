"""An answer of the sources' own sentences: those nearest to the question, each cited.

Contract: whole sentences, items with their lead-in, rows with their header, in the order of the
document, the best source first; no two that say the same. A sentence counts for what it says and a
little for what its neighbours say, for an answer seldom repeats the question's words. Where the
sources are not near enough there is no answer: see `answerable`, whose numbers docs/answers.md
explains. Knows no store and no model but the lens.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ragkit.answer_records import Citation
from ragkit.answers import Lens
from ragkit.answers.citations import citation
from ragkit.answers.sentences import Sentence, sentences
from ragkit.records import Hit

SHARES = (900, 500)  # characters of the best source, and of the next; what is left goes on
_NEIGHBOUR = 0.3  # part of a sentence's score that the better of its neighbours gives
_WORDS = 0.15  # weight of the words that a sentence shares with the question, by rarity
_SAME = 0.92  # cosine from which two sentences say the same
_BESIDE = 0.6  # of the best source's cosine that another must have to be heard beside it
_HEARD = 3  # sources whose sentences are compared; all of them tell whether there is an answer
_MOST = 120  # sentences that are compared

NEAR = 0.32  # of a question that the sources answer, at least
_TOP = 3  # passages whose cosine is averaged
_ALONE = 0.15  # cosine by which one passage must be nearer than three to count as much
_NAME = 0.15  # what each name costs that the question has and no source; two at most
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
    heard = [hit for hit in hits if hit.score >= _BESIDE * best][:_HEARD]
    candidates = list(_candidates(heard))[:_MOST]
    if not candidates:
        return []
    vectors = lens.encode([each.text for each in candidates] + list(_UNRELATED))
    unrelated = vectors[len(candidates) :]
    if not answerable(lens.question, hits, unrelated):
        return []
    scores = _smoothed(candidates, _scores(lens, candidates, vectors[: len(candidates)]))
    chosen = _chosen(candidates, scores, vectors)
    return list(_said([candidates[each] for each in chosen]))


def answerable(question: str, hits: Sequence[Hit], unrelated: NDArray[np.float32]) -> bool:
    """Whether the hits are near enough to the question to answer it.

    `unrelated` is (n, d) float32, unit rows of sentences that have nothing in common.
    """
    return nearness(question, hits, unrelated) >= NEAR


def nearness(question: str, hits: Sequence[Hit], unrelated: NDArray[np.float32]) -> float:
    """How near the sources are: 0 for unrelated texts, 1 for equal ones."""
    best = sorted((hit.score for hit in hits), reverse=True)[:_TOP]
    if not best:
        return 0.0
    near = max(sum(best) / len(best), best[0] - _ALONE)
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
    many = sum(word[0][0].isupper() for word in words) > 0.3 * len(words)
    there = "\n".join(f"{hit.title}\n{' '.join(hit.heading)}\n{hit.text}" for hit in hits).lower()
    missing = []
    for word in words:
        said = word[0]
        before = question[: word.start()].rstrip()
        begins = not before or before[-1] in ".?!:\"'“„«¿"
        mixed = any(map(str.isdigit, said)) and any(map(str.isalpha, said))
        inner = mixed or "_" in said or any(map(str.isupper, said[1:]))
        capital = said[0].isupper() and not begins and not many
        if len(said) > 1 and (inner or capital) and said.lower() not in there:
            missing.append(said)
    return missing


def _candidates(hits: Sequence[Hit]) -> Iterator[_Candidate]:
    for hit in hits:
        for each in sentences(hit.text):
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
    found = scores.copy()
    for at in range(len(scores)):
        for beside in (at - 1, at + 1):
            if 0 <= beside < len(scores) and candidates[beside].hit is candidates[at].hit:
                mixed = (1 - _NEIGHBOUR) * scores[at] + _NEIGHBOUR * scores[beside]
                found[at] = max(found[at], mixed)
    return found


def _chosen(
    candidates: Sequence[_Candidate], scores: NDArray[np.float32], vectors: NDArray[np.float32]
) -> list[int]:
    """Positions of the sentences that are said, in order: of each source the best that have room,
    without those that say what another has said."""
    chosen: list[int] = []
    room = 0
    order = np.argsort(-scores, kind="stable").tolist()
    for source, hit in enumerate(dict.fromkeys(each.hit.rank for each in candidates)):
        if source >= len(SHARES) and room < max(SHARES) // 2:
            break
        room += SHARES[source] if source < len(SHARES) else 0
        for at in order:
            if candidates[at].hit.rank != hit or len(candidates[at].text) > room:
                continue
            if chosen and float(np.max(vectors[chosen] @ vectors[at])) > _SAME:
                continue
            chosen.append(at)
            room -= len(candidates[at].text)
    if not chosen:  # one very long sentence
        chosen = order[:1]
    return sorted(chosen)


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
        yield before + hit.text[start:end], citation(n, hit, start, end)


def _follows(one: _Candidate, later: _Candidate) -> bool:
    """Whether both are said as one: in one paragraph, or a list with its lead-in."""
    if later.sentence.context == (one.sentence.start, one.sentence.end):
        return not one.hit.text[one.sentence.end : later.sentence.start].strip()
    between = one.hit.text[one.sentence.end : later.sentence.start]
    same_list = (
        later.sentence.context is not None and later.sentence.context == one.sentence.context
    )
    return not between.strip() and (same_list or "\n\n" not in between)
