"""The worst finding decides about a report."""

import pytest

from ragkit.records.maintenance import Diagnosis, DoctorReport


def diagnosis(severity, repaired=False):
    return Diagnosis("a", severity, "found", repaired=repaired)


@pytest.mark.parametrize(
    ("diagnoses", "worst"),
    [
        ((), "ok"),
        ((diagnosis("ok"),), "ok"),
        ((diagnosis("ok"), diagnosis("warning")), "warning"),
        ((diagnosis("error"), diagnosis("warning")), "error"),
        ((diagnosis("error", repaired=True), diagnosis("warning")), "warning"),
        ((diagnosis("error", repaired=True),), "ok"),
    ],
)
def test_the_worst_severity_that_is_not_repaired(diagnoses, worst):
    assert DoctorReport("kit", True, diagnoses, {}).worst == worst
