"""The lexical index on passages of nine languages at once."""

import math

import pytest

from ragkit.analysis.query_syntax import parse_query
from ragkit.storage.lexical.index import LexicalIndex
from tests.analysis.multilingual import PASSAGES, QUESTIONS

NUMBERED = [(code, n) for code, passages in PASSAGES.items() for n in range(len(passages))]


@pytest.fixture(scope="module")
def index():
    texts = [text for passages in PASSAGES.values() for text in passages]
    return LexicalIndex.in_memory([(n, text, None) for n, text in enumerate(texts)], 1)


@pytest.mark.parametrize("language", QUESTIONS)
def test_questions_find_passages_with_other_forms_of_their_words(index, language):
    """nDCG@10. A tokenizer that splits at spaces and removes English endings reaches .00 to .33
    for Chinese, Japanese, Thai, Korean, Arabic and Russian."""
    gains = []
    for question, answer in QUESTIONS[language]:
        ids = index.top_k(parse_query(question), 10)[0].tolist()
        ranks = [rank for rank, n in enumerate(ids, 1) if NUMBERED[n] == (language, answer)]
        gains.append(1 / math.log2(ranks[0] + 1) if ranks else 0.0)
    assert sum(gains) / len(gains) >= 0.95
