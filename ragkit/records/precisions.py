"""The number formats of an encoder's weights."""

PRECISIONS = ("fp32", "int8")
AUTO_PRECISION = "auto"  # as a setting: the first `index` run of a collection decides
