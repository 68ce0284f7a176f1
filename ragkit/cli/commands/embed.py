"""`ragkit embed`, `similarity` and `explain`: load the encoder, call it, print what it computes."""

from __future__ import annotations

import itertools
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit import settings as configuration
from ragkit.cli.commands.stdin import read_stdin
from ragkit.cli.output import render
from ragkit.cli.output.terminal import format_count, print_message, to_printable
from ragkit.encoders import resolve as resolve_model
from ragkit.encoders.inspection.explanation import TextExplanation, explanation_fields
from ragkit.encoders.inspection.hidden_states import WordVector
from ragkit.encoders.pooling import LAST_LAYER
from ragkit.encoders.sentence_encoder import SentenceEncoder
from ragkit.errors import UsageError
from ragkit.models import selection

_SHOWN_NUMBERS = 6
_SHOWN_LAYERS = 8  # columns of a table
_MAX_SHOWN = 60  # characters of a text in a line


def embed(arguments: Namespace) -> int:
    """Run `ragkit embed`; return its exit code."""
    texts = _texts(arguments)
    encoder = _encoder(arguments)
    _warn_about_unread_text(encoder, texts)
    if arguments.word is None:
        entries = _sentence_entries(encoder, texts, arguments)
    else:
        entries = [
            _word_entry(encoder, text, word, arguments)
            for text in texts
            for word in _word_vectors(encoder, text, arguments)
        ]
    if arguments.json:
        render.print_json(entries)
    else:
        print("\n".join(_describe(entry) for entry in entries))
    return 0


def similarity(arguments: Namespace) -> int:
    """Run `ragkit similarity`; return its exit code."""
    if (arguments.pairs is None) == (not arguments.texts):
        raise UsageError("give two texts, or a file: ragkit similarity A B, or --pairs FILE")
    if arguments.pairs is not None:
        return _similarity_of_pairs(arguments)
    if len(arguments.texts) != 2:
        raise UsageError(f"{len(arguments.texts)} texts; expected two: ragkit similarity A B")
    texts = _require_text(arguments.texts)
    encoder = _encoder(arguments)
    _warn_about_unread_text(encoder, texts)
    if arguments.word is not None:
        return _similarity_of_words(encoder, texts, arguments)
    first, second = encoder.embed(texts, arguments.pooling, arguments.layers)
    if arguments.json:
        render.print_json({"similarity": float(first @ second)})
    else:
        print(f"{first @ second:.4f}")
    return 0


def explain(arguments: Namespace) -> int:
    """Run `ragkit explain`; return its exit code."""
    (text,) = _require_text([read_stdin() if arguments.text == "-" else arguments.text])
    if arguments.neighbors < 0:
        raise UsageError(f"--neighbors is {arguments.neighbors}; expected 0 or more")
    if arguments.png is not None:
        from ragkit.encoders.inspection.heat_map import check_drawable

        check_drawable(Path(arguments.png))  # before the work
    encoder = _encoder(arguments)
    _warn_about_unread_text(encoder, [text])
    found = encoder.explain(text, arguments.word, arguments.neighbors)
    layers = len(found.rollout)
    layer = layers if arguments.layer is None else arguments.layer
    if not 1 <= layer <= layers:
        raise UsageError(f"--layer is {layer}; expected a number from 1 to {layers}")
    if arguments.png is not None:
        from ragkit.encoders.inspection.heat_map import draw_heat_map

        draw_heat_map(found, Path(arguments.png), layer)
        print_message(f"wrote {arguments.png}")
    if arguments.json:
        render.print_json(explanation_fields(found, layer))
    else:
        print(_format_explanation(found, layer))
    return 0


def _format_explanation(found: TextExplanation, layer: int) -> str:
    """A table of tokens, then the nearest words and the cosines between the poolings."""
    layers = len(found.rollout)
    steps = max(1, -(-layers // _SHOWN_LAYERS))
    shown = [*range(layers, 0, -steps)][::-1]
    from_others = found.from_others
    labels = [_short(token) for token in found.tokens]
    width = max(5, *(render.display_width(label) for label in labels))
    lines = [
        f"{found.model}: {format_count(len(found.tokens), 'token')}, "
        f"{format_count(layers, 'layer')}, {found.pooling} pooling",
        "",
        f"{'':{width}}  share in   from other tokens, %, after layer",
        f"{'token':{width}}  vector, % {''.join(f'{number:4}' for number in shown)}"
        f"   largest sources after layer {layer}, %",
    ]
    for i, label in enumerate(labels):
        shares = "".join(f"{100 * from_others[number - 1, i]:4.0f}" for number in shown)
        sources = ", ".join(
            f"{labels[j]} {100 * share:.0f}" for j, share in found.sources(i, layer)
        )
        padding = " " * (width - render.display_width(label))
        lines.append(
            f"{label}{padding}  {100 * found.weights[i]:9.1f} {shares}   {sources}".rstrip()
        )
    if any(word.neighbors for word in found.words):
        lines += ["", "nearest words of the vocabulary, by cosine in this context"]
        width = max(render.display_width(_short(word.word)) for word in found.words)
        for word in found.words:
            padding = " " * (width - render.display_width(_short(word.word)))
            near = ", ".join(f"{to_printable(name)} {score:.2f}" for name, score in word.neighbors)
            lines.append(f"{_short(word.word)}{padding}  {near}")
    cls_mean, cls_max, mean_max = found.poolings[-1]
    lines += [
        "",
        f"cosines between the poolings of the last layer: CLS–mean {cls_mean:.2f}, "
        f"CLS–max {cls_max:.2f}, mean–max {mean_max:.2f}",
    ]
    return "\n".join(lines)


def _similarity_of_words(
    encoder: SentenceEncoder, texts: Sequence[str], arguments: Namespace
) -> int:
    """Compare each occurrence of the word in the first text with each in the second."""
    first, second = (_word_vectors(encoder, text, arguments) for text in texts)
    occurrences = [
        {
            "similarity": float(first_vector.vector @ second_vector.vector),
            "first": _span(first_vector),
            "second": _span(second_vector),
        }
        for first_vector, second_vector in itertools.product(first, second)
    ]
    if arguments.json:
        word: dict[str, Any] = {"similarity": occurrences[0]["similarity"], "word": arguments.word}
        render.print_json(word | {"occurrences": occurrences})
    elif len(occurrences) == 1:
        print(f"{occurrences[0]['similarity']:.4f}")
    else:
        for one, other in itertools.product(first, second):
            cosine = one.vector @ other.vector
            print(f"{cosine:.4f}  {_place(one)}, {_place(other)}")
    return 0


def _similarity_of_pairs(arguments: Namespace) -> int:
    from ragkit.learning.similarity import read_pairs, score_pairs

    if arguments.word is not None:
        raise UsageError("--word needs two texts, not --pairs")
    pairs, left_out = read_pairs(Path(arguments.pairs))
    for line in left_out:
        print_message(f"{arguments.pairs}, {line}; left out")
    encoder = _encoder(arguments)
    _warn_about_unread_text(encoder, [text for pair in pairs for text in (pair.first, pair.second)])
    report = score_pairs(
        pairs, lambda texts: encoder.embed(texts, arguments.pooling, arguments.layers)
    )
    if 0 < report.scored < report.pairs:
        print_message(f"{report.pairs - report.scored:,} pairs without a score are not correlated")
    if arguments.json:
        fields: dict[str, Any] = {
            "pairs": report.pairs,
            "pearson": report.pearson,
            "spearman": report.spearman,
            "seconds": round(report.seconds, 3),
        }
        if not report.scored:
            fields["similarities"] = report.cosines
        render.print_json(fields)
    elif report.scored:
        print(
            f"{format_count(report.scored, 'pair')}: Pearson {_figure(report.pearson)}, "
            f"Spearman {_figure(report.spearman)} in {report.seconds:.1f} s"
        )
    else:
        for pair, cosine in zip(pairs, report.cosines, strict=True):
            print(f"{cosine:.4f}\t{_short(pair.first)}\t{_short(pair.second)}")
    return 0


def _encoder(arguments: Namespace) -> SentenceEncoder:
    """Load the named model, else that of the named collection, else that of the settings."""
    collection = getattr(arguments, "collection", None)
    settings = configuration.load(flags={"model": arguments.model, "collection": collection})
    in_use = None
    if settings.collection is not None and arguments.model is None:
        from ragkit.cli.commands.locate import locate_collection
        from ragkit.collection import Collection

        with Collection(
            locate_collection(settings.collection), create=False, settings=settings
        ) as collection_in_use:
            in_use = collection_in_use.model()
    return resolve_model.load(
        selection.spec_for_inspection(settings, in_use, named=arguments.model)
    )


def _texts(arguments: Namespace) -> list[str]:
    if (arguments.file is None) == (not arguments.texts):
        raise UsageError("give texts, or a file of them: ragkit embed TEXT…, or --file FILE")
    if arguments.file is None:
        return _require_text([read_stdin() if text == "-" else text for text in arguments.texts])
    try:
        content = (
            read_stdin()
            if arguments.file == "-"
            else Path(arguments.file).read_text(encoding="utf-8-sig")
        )
    except OSError as error:
        raise UsageError(f"cannot read {arguments.file}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{arguments.file} is not UTF-8 text (byte {error.start})") from None
    lines = content.split("\n")
    texts = [line for line in lines if line.strip()]
    if empty := len(lines) - len(texts) - (not lines[-1]):
        print_message(f"{format_count(empty, 'empty line')} of {arguments.file} left out")
    if not texts:
        raise UsageError(f"{arguments.file} has no text; expected one per line")
    return texts


def _require_text(texts: Sequence[str]) -> list[str]:
    for number, text in enumerate(texts, 1):
        if not text.strip():
            raise UsageError(f"text {number} is empty; there is nothing to embed")
    return list(texts)


def _word_vectors(encoder: SentenceEncoder, text: str, arguments: Namespace) -> list[WordVector]:
    vectors = encoder.embed_words(
        text, arguments.word, arguments.pooling or "mean", arguments.layers or LAST_LAYER
    )
    for vector in vectors:
        if vector.within != vector.word:
            print_message(
                f"“{vector.word}” occurs only inside “{vector.within}” in “{_short(text)}”"
            )
    return vectors


def _sentence_entries(
    encoder: SentenceEncoder, texts: Sequence[str], arguments: Namespace
) -> list[dict[str, Any]]:
    vectors = encoder.embed(texts, arguments.pooling, arguments.layers)
    return [
        {
            "text": text,
            "model": encoder.name,
            "pooling": arguments.pooling or encoder.model_folder.pooling,
            "layers": arguments.layers or LAST_LAYER,
            "tokens": encoder.tokenizer.token_strings(encoder.tokenizer.token_ids([text])[0]),
            "unread_tokens": unread,
            "vector": _numbers(vector),
        }
        for text, vector, unread in zip(
            texts, vectors, encoder.count_truncated_tokens(texts), strict=True
        )
    ]


def _word_entry(
    encoder: SentenceEncoder, text: str, vector: WordVector, arguments: Namespace
) -> dict[str, Any]:
    return {
        "text": text,
        "model": encoder.name,
        "pooling": arguments.pooling or "mean",
        "layers": arguments.layers or LAST_LAYER,
        **_span(vector),
        "tokens": vector.tokens,
        "vector": _numbers(vector.vector),
    }


def _numbers(vector: NDArray[np.float32]) -> list[float]:
    """The shortest decimals that give the same float32: 0.1, not 0.10000000149011612."""
    return [float(str(number)) for number in vector]


def _span(vector: WordVector) -> dict[str, Any]:
    return {"word": vector.word, "start": vector.start, "end": vector.end}


def _place(vector: WordVector) -> str:
    return f"{to_printable(vector.word)} at {vector.start:,}"


def _describe(entry: dict[str, Any]) -> str:
    """A vector in three lines: its text, its size and pooling, its first numbers."""
    vector = entry["vector"]
    length = sum(number * number for number in vector) ** 0.5
    numbers = " ".join(f"{number:+.4f}" for number in vector[:_SHOWN_NUMBERS])
    label = _short(entry["text"])
    if "word" in entry:
        label = f"{to_printable(entry['word'])} at {entry['start']:,} of: {label}"
    tokens = entry["tokens"]
    return (
        f"{label}\n"
        f"  {len(vector)} dimensions, length {length:.2f}; {entry['pooling']} of "
        f"{format_count(len(tokens), 'token')}, layers {entry['layers']}\n"
        f"  {numbers} …"
    )


def _warn_about_unread_text(encoder: SentenceEncoder, texts: Sequence[str]) -> None:
    if unknown := encoder.find_unreadable(texts):
        print_message(
            f"{encoder.name} cannot read {format_count(len(unknown), 'text')}: most of the words "
            "are not in its vocabulary, so the vector says nothing about it; first "
            f"“{_short(texts[unknown[0]])}”"
        )
    unread = [
        (text, n) for text, n in zip(texts, encoder.count_truncated_tokens(texts), strict=True) if n
    ]
    if unread:
        tokens = sum(number for _, number in unread)
        print_message(
            f"{format_count(len(unread), 'text')} longer than the "
            f"{encoder.model_folder.max_length} tokens that {encoder.name} reads: "
            f"{format_count(tokens, 'token')} not read, first of “{_short(unread[0][0])}”"
        )


def _figure(correlation: float | None) -> str:
    return "undefined (all values are the same)" if correlation is None else f"{correlation:.4f}"


def _short(text: str) -> str:
    folded = " ".join(text[: 10 * _MAX_SHOWN].split())
    return to_printable(folded if len(folded) <= _MAX_SHOWN else folded[: _MAX_SHOWN - 1] + "…")
