"""Differences of measures between two evaluations, as people and scripts read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ragkit.evaluation.significance import Difference


def print_differences(differences: Mapping[str, Difference]) -> None:
    """Print a line for each measure: both means, their difference and whether it counts."""
    for name, found in differences.items():
        low, high = found.interval
        verdict = "not significant"
        if found.is_significant:
            verdict = "better" if found.after > found.before else "worse"
        print(
            f"{name:8} {found.before:.3f} → {found.after:.3f}  "
            f"{found.after - found.before:+.3f} [{low:+.3f}, {high:+.3f}]  "
            f"p = {found.p_value:.4f}  {verdict}"
        )


def difference_fields(found: Difference) -> Mapping[str, Any]:
    """Return a difference as JSON values."""
    return {
        "before": round(found.before, 4),
        "after": round(found.after, 4),
        "interval": [round(bound, 4) for bound in found.interval],
        "p": round(found.p_value, 5),
        "significant": found.is_significant,
        "improved": found.improved,
        "worse": found.worse,
    }
