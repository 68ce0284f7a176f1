"""`ragkit config`: every setting, its value and where that comes from."""

from __future__ import annotations

import json
from argparse import Namespace
from dataclasses import asdict

from ragkit import settings
from ragkit.cli.output import render
from ragkit.cli.output.terminal import to_printable

DEFAULT = "default"


def config(arguments: Namespace) -> int:
    """Run `ragkit config`; return its exit code.

    A setting is shown as it is written in a settings file. `--json` prints an object: name →
    {"value", "origin"}; the origin is the path of a file, "the environment" or "default".
    """
    loaded, origins = settings.load_with_origins()
    rows = {
        name: {"value": value, "origin": origins.get(name, DEFAULT)}
        for name, value in asdict(loaded).items()
    }
    if arguments.json:
        render.print_json(rows)
        return 0
    width = max(map(len, rows))
    texts = {
        name: "-" if row["value"] is None else json.dumps(row["value"], ensure_ascii=False)
        for name, row in rows.items()
    }
    value_width = min(40, max(map(len, texts.values())))
    for name, row in rows.items():
        value = to_printable(texts[name])
        print(f"{name:{width}}  {value:{value_width}}  {to_printable(str(row['origin']))}")
    return 0
