"""`ragkit eval`: measure retrieval on a labelled dataset, and compare two ways to search."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ragkit import settings as configuration
from ragkit.cli.commands.groups import load_settings
from ragkit.cli.output import render
from ragkit.cli.output.differences import difference_fields, print_differences
from ragkit.cli.output.terminal import print_message, to_printable
from ragkit.collection import Collection
from ragkit.errors import UsageError
from ragkit.settings import Settings

if TYPE_CHECKING:
    from ragkit.evaluation.run import Evaluation

_SHOWN_QUERIES = 5  # of those that improved or got worse most


@dataclass(frozen=True, slots=True)
class _Variant:
    """One way to search that is measured."""

    settings: Settings
    protocol: str
    rerank: bool


def evaluate(arguments: Namespace) -> int:
    """Run `ragkit eval`; return its exit code."""
    from ragkit.evaluation.beir import check_writable

    if arguments.of_collection:
        from ragkit.cli.commands import eval_self

        return eval_self.evaluate(arguments)
    if arguments.calibrate:
        raise UsageError("--calibrate needs --self: a collection is calibrated on its own text")
    if arguments.llm:
        raise UsageError("--llm generates questions from a collection; it needs --self")
    if arguments.png is not None:
        raise UsageError("--png draws the calibration of a collection; it needs --self")
    if arguments.dataset is None:
        raise UsageError("expected a DATASET (a folder in BEIR's layout), or --self")
    if arguments.run_file is not None:
        check_writable(arguments.run_file)
    first = _Variant(
        load_settings(arguments), arguments.protocol or "collection", bool(arguments.rerank)
    )
    second = None if arguments.compare is None else _changed(first, arguments.compare)
    result = _measure(arguments, first)
    for line in result.gaps:
        print_message(f"{arguments.dataset}: {line}")
    if second is None:
        if arguments.json:
            render.print_json(_fields(result))
        else:
            _print_result(result)
    else:
        _compare(result, _measure(arguments, second), arguments)
    if arguments.run_file is not None:  # last: the measures are printed whatever happens here
        result.write_run(arguments.run_file)
    return 0


def _changed(variant: _Variant, changes: str) -> _Variant:
    """Return the variant with the changes of `--compare`."""
    values: dict[str, object] = {}
    protocol, rerank = variant.protocol, variant.rerank
    for change in changes.split(","):
        name, sign, value = change.strip().partition("=")
        if name == "rerank" and not sign:
            rerank = True
        elif name == "protocol":
            protocol = value
        elif not sign:
            raise UsageError(f"--compare: {change!r}; expected NAME=VALUE of a setting, or rerank")
        else:
            values[name] = value
    settings = configuration.override(variant.settings, "--compare", values)
    return _Variant(settings, protocol, rerank)


def _measure(arguments: Namespace, variant: _Variant) -> Evaluation:
    from ragkit.cli.output.progress import progress

    with progress() as show:
        return Collection.evaluate_dataset(
            arguments.dataset,
            settings=variant.settings,
            protocol=variant.protocol,
            rerank=variant.rerank,
            wait=arguments.wait,
            notify=print_message,
            on_progress=show,
        )


def _fields(result: Evaluation) -> dict[str, Any]:
    """The fields of `--json`: those of the contract, then the rest."""
    intervals = _intervals(result)
    fields: dict[str, Any] = {
        "dataset": result.dataset,
        "mode": result.mode,
        "protocol": result.protocol,
        "queries": result.queries,
    }
    measures = {name: round(value, 4) for name, value in result.measures.items()}
    later = {"MAP@100": measures.pop("MAP@100")}  # not in the contract's list
    fields |= measures
    fields["ms_per_query"] = round(result.ms_per_query, 2)
    fields |= later
    fields["gaps"] = list(result.gaps)
    fields["intervals"] = {
        name: [round(low, 4), round(high, 4)] for name, (low, high) in intervals.items()
    }
    return fields


def _intervals(result: Evaluation) -> dict[str, tuple[float, float]]:
    from ragkit.evaluation.significance import bootstrap_interval

    return {
        name: bootstrap_interval(list(values.values())) for name, values in result.by_query.items()
    }


def _title(result: Evaluation) -> str:
    return (
        f"{to_printable(result.dataset)}, {result.mode}, protocol {result.protocol}, "
        f"{result.queries:,} {'query' if result.queries == 1 else 'queries'}, "
        f"{result.ms_per_query:.1f} ms each"
    )


def _print_result(result: Evaluation) -> None:
    print(_title(result))
    for name, (low, high) in _intervals(result).items():
        print(f"{name:8} {result.measures[name]:.3f}  [{low:.3f}, {high:.3f}]")


def _compare(before: Evaluation, after: Evaluation, arguments: Namespace) -> None:
    from ragkit.evaluation.significance import compare

    differences = {
        name: compare(before.by_query[name], after.by_query[name]) for name in before.by_query
    }
    if arguments.json:
        render.print_json(
            _fields(before)
            | {
                "compared": _fields(after) | {"changes": arguments.compare},
                "differences": {
                    name: difference_fields(found) for name, found in differences.items()
                },
            }
        )
        return
    print(_title(before))
    print(f"{_title(after)} ({to_printable(arguments.compare)})")
    print_differences(differences)
    main = next(iter(differences))
    _print_queries("improved", main, differences[main].improved, before, after)
    _print_queries("got worse", main, differences[main].worse, before, after)


def _print_queries(
    what: str, measure: str, queries: tuple[str, ...], before: Evaluation, after: Evaluation
) -> None:
    first, second = before.by_query[measure], after.by_query[measure]
    shown = ", ".join(
        f"{to_printable(query)} {second[query] - first[query]:+.2f}"
        for query in queries[:_SHOWN_QUERIES]
    )
    more = ", …" if len(queries) > _SHOWN_QUERIES else ""
    print(f"{len(queries):,} {what} in {measure}{': ' if shown else ''}{shown}{more}")
