"""The number formats of weights are those that settings accept."""

import pytest

from ragkit import Settings, UsageError
from ragkit.records.precisions import AUTO_PRECISION, PRECISIONS


def test_settings_accept_each_precision_and_auto():
    for precision in (*PRECISIONS, AUTO_PRECISION):
        assert Settings(precision=precision).precision == precision
    with pytest.raises(UsageError, match="fp16"):
        Settings(precision="fp16")
