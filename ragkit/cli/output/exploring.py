"""Duplicates and topics as text. Knows no collection."""

from __future__ import annotations

from ragkit.cli.output import render
from ragkit.cli.output.terminal import format_count, to_printable
from ragkit.records.exploring import (
    DuplicateDocuments,
    DuplicatePassage,
    DuplicateReport,
    TextDifference,
    Topic,
    TopicReport,
)

_AROUND = 30  # characters of unchanged text beside a change
_MAX_CHANGES = 200  # characters of the changes of one passage


def format_duplicates(report: DuplicateReport, *, with_groups: bool) -> str:
    """Return the groups with what differs in them, then the pairs of documents."""
    lines = [] if not with_groups else [_summary(report)]
    for number, group in enumerate(report.groups if with_groups else (), start=1):
        count = sum(1 + member.passage.copies for member in group)
        lines += ["", f"{number}  {format_count(count, 'passage')}"]
        for member in group:
            lines += [f"   {line}" for line in _member_lines(member)]
    if len(report.groups) < report.group_count and with_groups:
        lines += ["", f"{report.group_count - len(report.groups):,} more groups: --limit N"]
    if report.documents:
        lines += ["", "Documents that share passages"] if lines else []
        lines += [f"   {_pair_line(pair)}" for pair in report.documents]
        if (more := report.document_count - len(report.documents)) > 0:
            lines.append(f"   {more:,} more pairs: --limit N")
    return "\n".join(lines) if lines else "no two documents share most of their passages"


def _summary(report: DuplicateReport) -> str:
    if not report.group_count:
        return (
            f"no near-duplicates among {format_count(report.passages, 'passage')} "
            f"(cosine {report.min_score:g} or more)"
        )
    return (
        f"{format_count(report.group_count, 'group')} of near-duplicates among "
        f"{format_count(report.passages, 'different passage')} "
        f"(cosine {report.min_score:g} or more)"
    )


def _member_lines(member: DuplicatePassage) -> list[str]:
    hit = member.passage
    places = [to_printable(hit.citation)]
    if hit.copies:
        places.append(f"the same text at {format_count(hit.copies, 'other place')}, first ")
        places[-1] += to_printable(hit.also_at[0].citation) if hit.also_at else ""
    if member.difference is None:
        return [places[0], f'  "{_excerpt(hit.text)}"', *(f"  {place}" for place in places[1:])]
    lines = [f"{places[0]}  cosine {hit.score:.3f}: {_describe(member.difference)}"]
    if changed := _changed_text(member.difference):
        lines.append(f"  {changed}")
    return lines + [f"  {place}" for place in places[1:]]


def _describe(difference: TextDifference) -> str:
    if not difference.changes:
        return "the same text"
    names = []
    for change in difference.changes:
        if change == "numbers":
            removed, added = (
                ", ".join(numbers[:5]) or "none"
                for numbers in (difference.removed_numbers, difference.added_numbers)
            )
            names.append(f"NUMBERS differ ({removed} → {added})")
        elif change == "negation":
            names.append("NEGATION differs")
        else:
            names.append(f"{change} differs")
    return to_printable(", ".join(names))


def _changed_text(difference: TextDifference) -> str:
    """The changed parts with some text around them: `of [-26-]{+24+} weeks`."""
    shown = ""
    for index, (operation, text) in enumerate(difference.parts):
        words = " ".join(text.split())
        if operation == "removed":
            shown += f"[-{words}-] "
        elif operation == "added":
            shown += f"{{+{words}+}} "
        elif len(words) <= 2 * _AROUND:
            shown += f"{words} "
        else:
            before = f"{words[:_AROUND].rpartition(' ')[0]} " if index else ""
            is_last = index == len(difference.parts) - 1
            after = "" if is_last else f"{words[-_AROUND:].partition(' ')[2]} "
            shown += f"{before}… {after}"
        if len(shown) > _MAX_CHANGES:
            return to_printable(shown[:_MAX_CHANGES].rstrip() + " …")
    is_changed = any(operation != "same" for operation, _ in difference.parts)
    return to_printable(shown.strip()) if is_changed else ""


def _excerpt(text: str) -> str:
    return to_printable(render.truncate(" ".join(text.split()), 90))


def _pair_line(pair: DuplicateDocuments) -> str:
    first, second = to_printable(pair.path), to_printable(pair.other_path)
    share, other = f"{pair.shared:.0%}", f"{pair.other_shared:.0%}"
    if pair.relation == "identical":
        return f"{first} = {second} (the same passages)"
    if pair.relation == "version":
        return f"{first} → {second} (newer version; {other} of it is in the older one)"
    if pair.relation == "contained":
        return f"{first} ⊂ {second} ({share} of the first is in the second)"
    return f"{first} ~ {second} ({share} and {other} are shared)"


def format_topics(report: TopicReport) -> str:
    """Return the topics by group, largest first."""
    if not report.topics:
        return "no passage has a vector yet; run: ragkit index FOLDER"
    head = f"{format_count(len(report.topics), 'topic')}, "
    head += format_count(report.passages, "passage")
    if report.silhouette is not None:
        head += f", silhouette {report.silhouette:.2f}"
    lines = [head]
    groups: dict[str | None, list[Topic]] = {}
    for topic in report.topics:
        groups.setdefault(topic.parent, []).append(topic)
    for parent, own in sorted(groups.items(), key=lambda each: -sum(t.passages for t in each[1])):
        indent = "" if parent is None else "  "
        if parent is not None:
            lines += ["", f"{parent}  ({sum(topic.passages for topic in own):,})"]
        for topic in own:
            lines.append(f"{indent}{topic.name}  ({topic.passages:,})")
            more = ", ".join(topic.terms[3:])
            lines += [f"{indent}    {more}"] if more else []
            lines += [f"{indent}    {topic.central[0].citation}"] if topic.central else []
    return "\n".join(lines)
