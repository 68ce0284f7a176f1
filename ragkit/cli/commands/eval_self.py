"""`ragkit eval --self`: measure retrieval on questions made from the collection."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from ragkit.cli.commands.groups import load_settings, open_collection
from ragkit.cli.commands.locate import locate_collection
from ragkit.cli.output import render
from ragkit.cli.output.differences import difference_fields, print_differences
from ragkit.cli.output.terminal import format_count, print_message, to_printable
from ragkit.collection import Collection
from ragkit.errors import UsageError
from ragkit.settings import FUSIONS, MODES

if TYPE_CHECKING:
    from ragkit.answers.llm import ChatModel
    from ragkit.evaluation.self_run import ModeResult, SelfEvaluation
    from ragkit.evaluation.significance import Difference
    from ragkit.models.relevance import RelevanceCalibration

_SHOWN_QUERIES = 5  # of those that improved or got worse most
_MAIN = "nDCG@10"
_PROBABILITIES = (0.1, 0.25, 0.5, 0.75, 0.9)


@dataclass(frozen=True, slots=True)
class _SelfVariant:
    """One way to search that is measured."""

    mode: str
    fusion: str | None = None
    rerank: bool = False
    collection: str | None = None  # another one than the command's


def evaluate(arguments: Namespace) -> int:
    """Run `ragkit eval --self`; return its exit code."""
    _check_arguments(arguments)
    rerank = bool(arguments.rerank)
    with open_collection(arguments) as collection:
        if arguments.compare is not None:
            first = _SelfVariant(
                arguments.mode or collection.settings.mode, collection.settings.fusion, rerank
            )
            return _compare(arguments, collection, first, _changed(first, arguments.compare))
        if arguments.png is not None and not arguments.calibrate:
            _check_calibrated(collection.relevance())
        modes = [arguments.mode] if arguments.mode else list(MODES)
        found = collection.evaluate_self(
            modes, rerank=rerank, llm=_language_model(arguments, collection), on_question=_show
        )
        if arguments.calibrate:
            calibration = collection.calibrate_relevance(wait=arguments.wait)
            if calibration is None:
                print_message(
                    "not calibrated: too few questions can be made of this collection, or their "
                    "answers have no higher cosines than other passages"
                )
        else:
            calibration = collection.relevance()
    if arguments.png is not None:
        _draw(calibration, arguments.png)
    if arguments.json:
        render.print_json(
            _fields(found)
            | {
                "modes": [_mode_fields(result) for result in found.results],
                "calibration": _calibration_fields(calibration),
            }
        )
        return 0
    _print_head(found)
    for result in found.results:
        _print_result(result, found)
    if calibration is not None:
        cosines = ", ".join(f"{p:.2f} ↔ {calibration.cosine(p):.2f}" for p in _PROBABILITIES)
        print(
            f"probability that the best passage answers ↔ its cosine: {cosines}\n"
            f"  expected calibration error {calibration.error:.3f} "
            f"({format_count(calibration.questions, 'unseen question')})"
        )
        _print_reliability(calibration)
    return 0


def _check_arguments(arguments: Namespace) -> None:
    """Raise UsageError for arguments that do not go together."""
    for name, value in (
        ("DATASET", arguments.dataset), ("--protocol", arguments.protocol),
        ("--run", arguments.run_file), ("--model", arguments.model),
    ):  # fmt: skip
        if value is not None:
            raise UsageError(f"--self measures the collection itself, without {name}")
    if arguments.calibrate and arguments.compare is not None:
        raise UsageError("--calibrate and --compare do not go together; run them one by one")
    if arguments.png is not None:
        if arguments.compare is not None:
            raise UsageError("--png and --compare do not go together; run them one by one")
        from ragkit.cli.output.reliability import check_drawable

        check_drawable(arguments.png)


def _language_model(arguments: Namespace, collection: Collection) -> ChatModel | None:
    """Return the language model that generates questions for `--llm`; None without it."""
    if not arguments.llm:
        return None
    from ragkit.answers.pipeline import load_language_model

    llm = load_language_model(collection.settings)
    if llm is None:
        raise UsageError(
            "--llm needs a language model, and the settings name none; for example: "
            "RAGKIT_LLM_PRESET=ollama RAGKIT_LLM_MODEL=NAME ragkit eval --self --llm"
        )
    return llm


def _show(done: int, total: int) -> None:
    """Say on a terminal for how many passages a question was generated."""
    if sys.stderr.isatty():
        end = "\n" if done == total else "\r"  # an error takes the place of the line
        print(f"questions for {done:,} of {total:,} passages", end=end, file=sys.stderr, flush=True)


def _check_calibrated(calibration: RelevanceCalibration | None) -> RelevanceCalibration:
    """Return the calibration. Raises UsageError if there is none to draw."""
    if calibration is None or not calibration.bins:
        raise UsageError(
            "there is nothing to draw; calibrate first: ragkit eval --self --calibrate"
        )
    return calibration


def _draw(calibration: RelevanceCalibration | None, path: str) -> None:
    from ragkit.cli.output.reliability import draw_reliability

    draw_reliability(_check_calibrated(calibration), path)


def _print_reliability(calibration: RelevanceCalibration) -> None:
    """Print the reliability diagram as a table, and what bounds of the probability decline."""
    if calibration.bins:
        print("  probability  questions  mean   answered")
    for each in calibration.bins:
        bar = "█" * round(20 * each.answered)
        line = (
            f"  {each.low:.1f} – {each.high:.1f}  {each.count:9,}  {each.probability:.3f}  "
            f"{each.answered:.3f}  {bar}"
        )
        print(line.rstrip())
    for abstention in calibration.abstentions:
        print(
            f"  --min-relevance {abstention.bound:.2f} declines {abstention.without_answer:.0%} of "
            f"the questions without an answer (without it 0%), and {abstention.with_answer:.0%} of "
            "the others"
        )


def _calibration_fields(calibration: RelevanceCalibration | None) -> dict[str, Any] | None:
    if calibration is None:
        return None
    cosines = {f"{p:.2f}": round(calibration.cosine(p), 4) for p in _PROBABILITIES}
    return {
        "cosines": cosines,  # by probability
        "expected_calibration_error": round(calibration.error, 4),
        "questions": calibration.questions,
        "reliability": [asdict(each) for each in calibration.bins],
        "abstentions": [asdict(each) for each in calibration.abstentions],
    }


def _changed(variant: _SelfVariant, changes: str) -> _SelfVariant:
    """Return the variant with the changes of `--compare`."""
    for change in changes.split(","):
        name, sign, value = change.strip().partition("=")
        if name == "rerank" and not sign:
            variant = replace(variant, rerank=True)
        elif name == "mode" and value in MODES:
            variant = replace(variant, mode=value)
        elif name == "fusion" and value in FUSIONS:
            variant = replace(variant, fusion=value)
        elif name == "collection" and value:
            variant = replace(variant, collection=value)
        else:
            raise UsageError(
                f"--compare: {change!r}; expected mode={'|'.join(MODES)}, "
                f"fusion={'|'.join(FUSIONS)}, rerank or collection=DIR. For another model: "
                "ragkit migrate --model NAME"
            )
    return variant


def _compare(
    arguments: Namespace, collection: Collection, first: _SelfVariant, second: _SelfVariant
) -> int:
    from ragkit.evaluation.significance import compare

    before = collection.evaluate_self(
        [first.mode], fusion=first.fusion, rerank=first.rerank,
        llm=_language_model(arguments, collection), on_question=_show,
    )  # fmt: skip
    if second.collection is None:
        other = collection
    else:
        settings = load_settings(arguments)
        folder = locate_collection(second.collection)
        other = Collection(folder, create=False, settings=settings, notify=print_message)
    try:
        after = other.evaluate_self(
            [second.mode], fusion=second.fusion, rerank=second.rerank, questions=before.questions
        )
    finally:
        if other is not collection:
            other.close()
    if not before.measured:
        raise UsageError("no question can be made of this collection, so nothing is compared")
    (old,), (new,) = before.results, after.results
    differences = {name: compare(old.by_query[name], new.by_query[name]) for name in old.by_query}
    if arguments.json:
        render.print_json(
            _fields(before)
            | {
                "mode": old.mode,
                "compared": {"mode": new.mode, "changes": arguments.compare},
                "differences": {
                    name: difference_fields(found) for name, found in differences.items()
                },
            }
        )
        return 0
    _print_head(before)
    print(f"{old.mode} → {new.mode} ({to_printable(arguments.compare)})")
    print_differences(differences)
    texts = {question.id: question.text for question in before.measured}
    _print_changed(differences[_MAIN], texts, old, new)
    return 0


def _print_changed(
    found: Difference, texts: Mapping[str, str], old: ModeResult, new: ModeResult
) -> None:
    first, second = old.by_query[_MAIN], new.by_query[_MAIN]
    for what, ids in (("improved", found.improved), ("got worse", found.worse)):
        print(f"{len(ids):,} {what} in {_MAIN}")
        for id_ in ids[:_SHOWN_QUERIES]:
            print(f"  {second[id_] - first[id_]:+.2f}  {to_printable(texts[id_])}")


def _fields(found: SelfEvaluation) -> dict[str, Any]:
    return {
        "questions": len(found.measured),
        "kinds": found.kinds,
        "left_out": found.questions.left_out,
        "judged_queries": found.judged_queries,
        "missing_judgements": found.missing_judgements,
    }


def _mode_fields(result: ModeResult) -> dict[str, Any]:
    return {
        "mode": result.mode,
        **{name: round(value, 4) for name, value in result.measures.items()},
        "intervals": {
            name: [round(bound, 4) for bound in bounds]
            for name, bounds in _intervals(result).items()
        },
        "kinds": {kind: round(value, 4) for kind, value in result.by_kind.items()},
        "judged": {name: round(value, 4) for name, value in result.judged.items()},
        "rejected_in_top_10": result.rejected,
    }


def _intervals(result: ModeResult) -> dict[str, tuple[float, float]]:
    from ragkit.evaluation.significance import bootstrap_interval

    return {
        name: bootstrap_interval(list(values.values()))
        for name, values in result.by_query.items()
        if values
    }


def _print_head(found: SelfEvaluation) -> None:
    kinds = ", ".join(f"{kind} {count:,}" for kind, count in found.kinds.items())
    print(
        f"{format_count(len(found.measured), 'self-made question')} (held out): {kinds or 'none'}"
    )
    for reason, count in found.questions.left_out.items():
        print_message(f"{count:,} × question left out: {reason}")
    if found.missing_judgements:
        print_message(
            f"{found.missing_judgements:,} × judgement whose text is no longer in the collection"
        )


def _print_result(result: ModeResult, found: SelfEvaluation) -> None:
    print(result.mode)
    for name, (low, high) in _intervals(result).items():
        print(f"  {name:8} {result.measures[name]:.3f}  [{low:.3f}, {high:.3f}]")
    if result.by_kind:
        kinds = ", ".join(f"{kind} {value:.3f}" for kind, value in result.by_kind.items())
        print(f"  {_MAIN} by kind: {kinds}")
    if result.judged:
        values = ", ".join(f"{name} {value:.3f}" for name, value in result.judged.items())
        queries = "query" if found.judged_queries == 1 else "queries"
        print(f"  {found.judged_queries:,} judged {queries}: {values}")
    if result.rejected:
        count = format_count(result.rejected, "passage")
        print(f"  {count} in the top 10 that you judged not relevant")
