"""Questions made from a collection, to measure retrieval.

Most kinds come from the structure of documents: a *title* or *heading* asks for the text below it,
an *faq* question for the answer after it, the first *sentence* of a section for the rest of it, and
a *definition* ("X is a …") becomes "What is X?". Questions that a language *model* generates
from passages (`model_questions`) can be added. Left out are questions without two words that carry
meaning, near-duplicates, headings that several documents share, and copies: questions whose words
are nearly all in their own answer and together in no other document's text, so that looking up rare
words would answer them. (A definition has only its subject; it is left out on the same terms.)

Half of the documents, chosen by a hash of their path, are for tuning and half are held out; a
document stays on its side when the collection changes. Knows no collection and no ranking.

Inverse cloze task: Lee, Chang and Toutanova, "Latent Retrieval for Weakly Supervised Open Domain
Question Answering", ACL 2019.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import chain, groupby, zip_longest

from ragkit.analysis.analyzer import content_terms
from ragkit.analysis.language import text_language
from ragkit.passages.sections import is_code
from ragkit.passages.sentences import split_sentences
from ragkit.storage.sqlite.question_sources import SourceDocument, identity_digest

MODEL = "model"  # of questions that a language model generated
KINDS = ("title", "heading", "faq", "sentence", "definition", MODEL)
CLOZE = "cloze"  # of questions for calibration
MAX_QUESTIONS = 300  # of each part
SAMPLE_PASSAGES = 4000  # of the documents that questions are made from
_MIN_TERMS = 2  # that carry meaning
_MAX_WORDS = 40
_SENTENCE_WORDS = (6, 35)
_FAQ_WORDS = (3, 30)
_MIN_CLOZE_WORDS = 15  # of the rest of a section
_MAX_ANSWER = 2000  # characters after a question without a heading
_COPIED = 0.8  # share of a question's terms from which it may be a copy
_ALIKE = 0.8  # Jaccard similarity of the terms of near-duplicates
_CODE_PREFIX = re.compile(r"[>$#%|`{}\\<]")
_QUESTION_LABEL = re.compile(
    r"^\s*+(?:\*\*)?(?:Q|F|P|Question|Frage)\s*+(?:\d++\s*+)?[:.)]\s*+(?:\*\*)?", re.I
)
_NUMBER = re.compile(r"\(?(?:\d{1,3}(?:\.\d{1,3})*|[a-z])[.)]\s+|\d{1,3}(?:\.\d{1,3})+\s+|[-*•]\s+")
_WORDS = r"(?:[^\W\d_][\w'’.+#-]* ){0,3}[^\W\d_][\w'’.+#-]*"
_DEFINITIONS = (  # what precedes the verb is the subject
    (re.compile(rf"(?:(?:The|A|An) )?({_WORDS}) is (?:an?|the) "), "What is {}?"),
    (re.compile(rf"(?:The )?({_WORDS}) are (?:an?|the) "), "What are {}?"),
    (re.compile(rf"(?:(?:Der|Die|Das|Ein|Eine) )?({_WORDS}) ist (?:ein|eine|der|die|das) "),
     "Was ist {}?"),
    (re.compile(rf"(?:(?:Le|La|Un|Une) |L['’])?({_WORDS}) est (?:un|une|le|la) "),
     "Qu'est-ce que {} ?"),
    (re.compile(rf"(?:(?:El|La|Un|Una) )?({_WORDS}) es (?:un|una|el|la) "), "¿Qué es {}?"),
)  # fmt: skip
_NO_SUBJECT = re.compile(
    r"(?i)\b(?:if|when|where|as|so|but|and|or|for|in|on|at|note|both|each|all|any|some|it|this|that|there|here|he|she|they|these|those|which|who|what|one|we|you|dies|das|es|er|sie"
    r"|hier|ce|c['’]|il|elle|cela|esto|este|esta|ello)\b"
)
Span = tuple[int, int]  # characters of a document's text


@dataclass(frozen=True, slots=True)
class SelfQuestion:
    """A question, and the parts of one document that answer it."""

    id: str  # follows from the document's path and the question
    kind: str  # of KINDS
    text: str
    document_id: int
    path: str
    targets: tuple[Span, ...]
    source: Span | None  # the text that it is, if that is apart from the answer
    is_held_out: bool
    root: str = ""  # absolute path of the folder that `path` is relative to


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """The questions of a collection, and how many were left out, by reason."""

    questions: tuple[SelfQuestion, ...]
    left_out: Mapping[str, int]

    def part(self, *, held_out: bool) -> list[SelfQuestion]:
        """Return the questions of one part."""
        return [each for each in self.questions if each.is_held_out == held_out]


def is_held_out(path: str, seed: int = 0) -> bool:
    """Whether the document with this path belongs to the held-out half."""
    return identity_digest(path, seed)[0] >= 128


def make_questions(
    documents: Iterable[SourceDocument],
    *,
    seed: int = 0,
    limit: int = MAX_QUESTIONS,
    cloze: bool = False,
    every_sentence: bool = False,
    from_model: Mapping[int, str] | None = None,
) -> QuestionSet:
    """Return the questions of these documents, at most `limit` of each part.

    `cloze`: of the kind "cloze" only: the first sentence of any section, with the rest of it as the
    answer. The passage contains both, so whoever measures has to take the sentence out of it.
    `every_sentence`: with `cloze`, the other sentences, too, each with the text around it.
    `from_model`: questions of a language model by passage id, as `generate_questions` of
    `model_questions` returns them.

    The same documents and seed give the same questions. Of each kind those whose hash is smallest
    are taken first, so that a small change of the collection changes few questions.
    """
    terms = _TermIndex()
    found: list[SelfQuestion] = []
    for document in documents:
        language = text_language(document.text[:2000], document.language)
        terms.add(document, language)
        if not is_code(document.media_type):
            found += _questions_of(
                document, seed, cloze=cloze, every_sentence=every_sentence,
                from_model=from_model or {},
            )  # fmt: skip
    left_out: dict[str, int] = defaultdict(int)
    kept = list(_without_unfit(found, terms, left_out))
    kept = list(_without_duplicates(kept, terms, left_out))
    chosen = [
        question
        for held_out in (False, True)
        for question in _balanced([q for q in kept if q.is_held_out == held_out], limit)
    ]
    left_out["more than needed"] = len(kept) - len(chosen)
    return QuestionSet(
        tuple(chosen), {reason: count for reason, count in left_out.items() if count}
    )


def _balanced(questions: Sequence[SelfQuestion], limit: int) -> list[SelfQuestion]:
    """Return at most `limit` questions, of each kind in turn, in the order of their ids."""
    by_kind: dict[str, list[SelfQuestion]] = {kind: [] for kind in (*KINDS, CLOZE)}
    for question in sorted(questions, key=lambda each: each.id):
        by_kind[question.kind].append(question)
    turns = chain.from_iterable(zip_longest(*by_kind.values()))
    return [question for question in turns if question is not None][:limit]


class _TermIndex:
    """Which terms the passages of the sample contain, and which passages contain a term."""

    def __init__(self) -> None:
        self._documents: dict[int, tuple[SourceDocument, str]] = {}
        self._postings: dict[str, set[int]] = defaultdict(set)
        self._document_of: dict[int, int] = {}

    def add(self, document: SourceDocument, language: str) -> None:
        self._documents[document.id] = document, language
        for passage in document.passages:
            self._document_of[passage.id] = document.id
            for term in content_terms(document.text[passage.start : passage.end], language):
                self._postings[term].add(passage.id)

    def terms(self, question: SelfQuestion, text: str) -> frozenset[str]:
        """Return the terms of a text in the language of the question's document."""
        return frozenset(content_terms(text, self._documents[question.document_id][1]))

    def rarity(self, term: str) -> tuple[int, str]:
        """Return what sorts terms by the number of passages that contain them."""
        return len(self._postings.get(term, ())), term

    def is_copy(self, question: SelfQuestion, terms: frozenset[str]) -> bool:
        """Whether the answer contains nearly all of these terms, and no other document does."""
        document, _ = self._documents[question.document_id]
        answer = "\n".join(
            _without(document.text, target, question.source) for target in question.targets
        )
        shared = terms & self.terms(question, answer)
        if len(shared) < _COPIED * len(terms):
            return False
        containing = set.intersection(*(self._postings.get(term, set()) for term in shared))
        return all(self._document_of[passage] == document.id for passage in containing)


def _without(text: str, span: Span, left_out: Span | None) -> str:
    if left_out is None or left_out[1] <= span[0] or span[1] <= left_out[0]:
        return text[slice(*span)]
    return f"{text[span[0] : max(span[0], left_out[0])]} {text[left_out[1] : span[1]]}"


def _without_unfit(
    questions: Iterable[SelfQuestion], terms: _TermIndex, left_out: dict[str, int]
) -> Iterator[SelfQuestion]:
    for question in questions:
        own = terms.terms(question, question.text)
        if len(own) < (1 if question.kind == "definition" else _MIN_TERMS):
            left_out["too few words"] += 1
        elif terms.is_copy(question, own):
            left_out["copies rare words of its answer"] += 1
        else:
            yield question


def _without_duplicates(
    questions: Sequence[SelfQuestion], terms: _TermIndex, left_out: dict[str, int]
) -> Iterator[SelfQuestion]:
    """Yield one of each group of near-duplicates in a document; of those of several documents none,
    because each of the documents may answer it.

    Two sets with a Jaccard similarity of t share one of their ⌊(1 - t) n⌋ + 1 rarest terms.
    """
    sets = [frozenset(terms.terms(question, question.text)) for question in questions]
    holders: dict[str, list[int]] = defaultdict(list)
    alike: dict[frozenset[str], set[int]] = {}  # of a set of terms: the questions that are like it
    kept: dict[int, bool] = {}
    for number in sorted(range(len(questions)), key=lambda each: questions[each].id):
        own = sets[number]
        is_new = not own or own not in alike  # a sentence of every document is compared once
        if is_new:
            rarest = sorted(own, key=terms.rarity)[: int((1 - _ALIKE) * len(own)) + 1]
            alike[own] = {
                other
                for term in rarest
                for other in holders[term]
                if len(own & sets[other]) >= _ALIKE * len(own | sets[other])
            }
        for other in alike[own]:
            if questions[other].document_id != questions[number].document_id:
                kept[other] = False
        kept[number] = not alike[own]
        if is_new:
            alike[own].add(number)
            for term in rarest:
                holders[term].append(number)
    for number, question in enumerate(questions):
        if kept[number]:
            yield question
        else:
            left_out["near-duplicate"] += 1


def _questions_of(
    document: SourceDocument,
    seed: int,
    *,
    cloze: bool,
    every_sentence: bool,
    from_model: Mapping[int, str],
) -> list[SelfQuestion]:
    held_out = is_held_out(document.path, seed)
    made: dict[tuple[str, str], SelfQuestion] = {}
    generated = [
        (MODEL, from_model[passage.id], ((passage.start, passage.end),), None)
        for passage in document.passages
        if passage.id in from_model
    ]
    candidates = _candidates(document, every_sentence=every_sentence)
    for kind, text, target, source in chain(candidates, generated):
        if (kind == CLOZE) != cloze:
            continue
        question = " ".join(_without_number(text).split()).strip("#*=_ ")
        words = question.split()
        if not words or len(words) > _MAX_WORDS or _CODE_PREFIX.match(question):
            continue
        name = f"{document.path}\0{question}".encode("utf-8", "replace")
        made.setdefault(
            (kind, question),
            SelfQuestion(
                id=blake2b(name, digest_size=8).hexdigest(), kind=kind, text=question,
                document_id=document.id, path=document.path, targets=target, source=source,
                is_held_out=held_out, root=document.root,
            ),
        )  # fmt: skip
    return list(made.values())


def _without_number(text: str) -> str:
    """Return a heading, question or list item without its number or bullet."""
    match = _NUMBER.match(text)
    return text[match.end() :] if match else text


Candidate = tuple[str, str, tuple[Span, ...], Span | None]  # kind, text, targets, source


def _candidates(document: SourceDocument, *, every_sentence: bool) -> Iterator[Candidate]:
    text = document.text
    whole = (document.passages[0].start, document.passages[-1].end)
    if document.title:
        yield "title", document.title, (whole,), None
    for heading, passages in groupby(document.passages, key=lambda passage: passage.heading):
        spans = [(passage.start, passage.end) for passage in passages]
        section = (spans[0][0], max(end for _, end in spans))
        body = section
        if heading:
            yield from _heading_question(document, heading, section)
            body = after_heading(text, section, heading)
        yield from _faq_questions(text, body)
        sentences = [
            (body[0] + each.start, body[0] + each.end)
            for each in split_sentences(text[slice(*body)], heading)
        ]
        if sentences:
            yield from _first_sentence(text, sentences[0], spans)
            rest = (sentences[0][1], min(body[1], sentences[0][1] + _MAX_ANSWER))
            yield from _cloze(text, sentences[0], rest)
        for sentence in sentences[1:] if every_sentence else ():
            around = (sentence[0] - _MAX_ANSWER // 2, sentence[1] + _MAX_ANSWER // 2)
            yield from _cloze(text, sentence, (max(body[0], around[0]), min(body[1], around[1])))
        yield from _definitions(text, sentences)


def _heading_question(
    document: SourceDocument, heading: Sequence[str], section: Span
) -> Iterator[Candidate]:
    name = heading[-1]
    body = after_heading(document.text, section, heading)
    if not document.text[slice(*body)].strip():
        return
    source = (section[0], body[0]) if body[0] > section[0] else None
    if name.rstrip().endswith(("?", "？", "؟")):
        yield "faq", name, (body,), source
        return
    if len(name.split()) < _MIN_TERMS:  # "Storage" alone says too little
        parent = heading[-2] if len(heading) > 1 else document.title
        if parent.casefold() != name.casefold():
            name = f"{parent} {name}".strip()
    yield "heading", name, (body,), source


def after_heading(text: str, section: Span, heading: Sequence[str]) -> Span:
    """Return a section without the lines of these headings that it begins with."""
    names = {" ".join(name.split()).casefold() for name in heading}
    start = section[0]
    for line in text[slice(*section)].splitlines(keepends=True):
        bare = " ".join(line.strip("#*=-~ \t\r\n").split()).casefold()
        if bare and bare not in names:
            break
        start += len(line)
    return min(start, section[1]), section[1]


def _faq_questions(text: str, section: Span) -> Iterator[Candidate]:
    """Yield the paragraphs that are a question, each with the paragraphs up to the next one."""
    paragraphs = [
        (section[0] + match.start(), section[0] + match.end())
        for match in re.finditer(r"\S(?:[^\n]|\n(?!\s*\n))*", text[slice(*section)])
    ]
    asked: list[tuple[int, Span, Span]] = []  # number, question, rest of its paragraph
    for number, (start, end) in enumerate(paragraphs):
        line_end = text.find("\n", start, end)
        line = (start, end if line_end < 0 else line_end)
        question = _QUESTION_LABEL.sub("", text[slice(*line)]).strip("*_ \t")
        is_question = question.endswith(("?", "？", "؟")) and "?" not in question[:-1]
        if is_question and _FAQ_WORDS[0] <= len(question.split()) <= _FAQ_WORDS[1]:
            asked.append((number, line, (line[1], end)))
    for position, (number, line, rest) in enumerate(asked):
        following = asked[position + 1][0] if position + 1 < len(asked) else len(paragraphs)
        stop = paragraphs[following - 1][1] if following > number + 1 else rest[1]
        answer = (line[1], min(stop, line[1] + _MAX_ANSWER))
        if len(text[slice(*answer)].split()) > _FAQ_WORDS[0]:
            question = _QUESTION_LABEL.sub("", text[slice(*line)]).strip("*_ \t")
            yield "faq", question, (answer,), line


def _first_sentence(text: str, sentence: Span, passages: Sequence[Span]) -> Iterator[Candidate]:
    """Yield the first sentence of a section that has passages without it."""
    rest = tuple(span for span in passages if span[0] >= sentence[1])
    first, last = _SENTENCE_WORDS
    words = text[slice(*sentence)].split()
    if rest and first <= len(words) <= last and words[-1][-1:] in ".!?:…。！？":
        yield "sentence", text[slice(*sentence)], ((rest[0][0], rest[-1][1]),), sentence


def _cloze(text: str, sentence: Span, answer: Span) -> Iterator[Candidate]:
    """Yield a sentence, with the text after it or around it as the answer."""
    first, last = _SENTENCE_WORDS
    count = len(text[slice(*sentence)].split())
    around = len(_without(text, answer, sentence).split())
    if first <= count <= last and around >= _MIN_CLOZE_WORDS:
        yield CLOZE, text[slice(*sentence)], (answer,), sentence


def _definitions(text: str, sentences: Iterable[Span]) -> Iterator[Candidate]:
    for sentence in sentences:
        for pattern, template in _DEFINITIONS:
            marker = _NUMBER.match(text, *sentence)
            match = pattern.match(text, marker.end() if marker else sentence[0], sentence[1])
            if match and not _NO_SUBJECT.search(match[1]):
                yield "definition", template.format(match[1]), (sentence,), None
                break
