"""A hook of MkDocs: pages of the site that are no files of docs/, and links that lead out of it.

Written from the program itself: commands from the parser, settings from the source of `Settings`,
the HTTP API from its OpenAPI document. Taken from the repository: README, changelog, examples, the
notebook and the other pages at the top.
"""

from __future__ import annotations

import argparse
import inspect
import json
import os
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

REPOSITORY = Path(__file__).parents[2]
# Pages of the repository outside of docs/, and where the site has them.
TOP_PAGES = {
    "README.md": "index.md",
    "ARCHITECTURE.md": "architecture.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "bench/RESULTS.md": "results.md",
}
# The first sections of llms.txt (https://llmstxt.org), in the order of the navigation.
LLMS_SUMMARY = (
    "ragkit indexes a folder and returns cited passages for a question: on the command line, in "
    "Python, over HTTP (its own API and OpenAI's) and to agents (MCP). Everything runs locally."
)
_LINK = re.compile(r"(!?\[(?:[^\[\]]|\[[^\]]*\])*\])\(([^)\s:]+)\)")
_CODE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages."""
    os.environ["COLUMNS"] = "100"  # argparse wraps its help at the width of the terminal
    pages = {
        site: (REPOSITORY / source).read_text(encoding="utf-8")
        for source, site in TOP_PAGES.items()
    }
    pages["examples.md"] = "".join(_examples())
    pages["notebook.md"] = "".join(_notebook(REPOSITORY / "examples" / "notebook.ipynb"))
    pages["reference/commands.md"] = "".join(_commands())
    pages["reference/settings.md"] = "".join(_settings())
    pages["reference/python.md"] = "".join(_python())
    pages["reference/http.md"] = "".join(_http())
    for name, content in pages.items():
        files.append(File.generated(config, name, content=content))
    files.append(File.generated(config, "openapi.json", content=json.dumps(_openapi(), indent=1)))
    return files


def on_page_markdown(markdown: str, /, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Point links to where the site has their targets; leave code alone.

    A link to a file that is no page, such as a module, becomes its text and the file's path.
    """
    source = page.file.src_uri
    folder = {site: posixpath.dirname(top) for top, site in TOP_PAGES.items()}.get(
        source, posixpath.join("docs", posixpath.dirname(source))
    )

    def rewrite(match: re.Match[str]) -> str:
        label, target = match[1], match[2]
        path, hash_sign, anchor = target.partition("#")
        if not path:
            return match[0]
        path = posixpath.normpath(posixpath.join(folder, path))
        if path in TOP_PAGES:
            path = TOP_PAGES[path]
        elif path.startswith("examples"):
            path, hash_sign, anchor = "examples.md", "", ""
        elif path.startswith("docs/"):
            path = path.removeprefix("docs/")
        elif (REPOSITORY / path).exists():
            text = label.strip("[]")
            return f"`{path}`" if posixpath.basename(path) in text else f"{text} (`{path}`)"
        relative = posixpath.relpath(path, posixpath.dirname(source) or ".")
        return f"{label}({relative}{hash_sign}{anchor})"

    parts = _CODE.split(markdown)
    parts[::2] = [_LINK.sub(rewrite, part) for part in parts[::2]]
    return "".join(parts)


def on_env(env: Environment, /, *, config: MkDocsConfig, files: Files) -> Environment:
    """Write llms.txt, an index of the pages for language models, and llms-full.txt, their text."""
    lines = [f"# {config.site_name}", "", f"> {LLMS_SUMMARY}"]
    texts = []
    for section, names in _sections(config.nav or []):
        lines += ["", f"## {section}", ""]
        for name in names:
            page = _page(files, name)
            lines.append(f"- [{page.title}]({page.url})")
            texts.append(f"<!-- {name} -->\n\n{page.markdown}")
    site = Path(config.site_dir)
    site.mkdir(parents=True, exist_ok=True)
    (site / "llms.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (site / "llms-full.txt").write_text("\n\n".join(texts) + "\n", encoding="utf-8")
    return env


def _sections(nav: Sequence[Any]) -> Iterator[tuple[str, list[str]]]:
    """The sections of the navigation in mkdocs.yml; the pages before them are the section Start."""
    start: list[str] = []
    for item in nav:
        (title, value), *_ = item.items() if isinstance(item, dict) else [("", item)]
        if isinstance(value, list):
            if start:
                yield "Start", start
                start = []
            yield title, value
        else:
            start.append(value)


def _page(files: Files, name: str) -> Page:
    file = files.get_file_from_path(name)
    if file is None or file.page is None:
        raise PluginError(f"mkdocs.yml names {name}, which is no page of the site")
    return file.page


def _examples() -> Iterator[str]:
    yield "# Complete programs\n\nEach is run by a test.\n"
    for path in sorted((REPOSITORY / "examples").glob("*.py")):
        yield f"\n## {path.name}\n\n```python\n{path.read_text(encoding='utf-8')}```\n"


def _notebook(path: Path) -> Iterator[str]:
    """A notebook as Markdown. A test runs its cells; their output is not stored."""
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        text = "".join(cell["source"])
        yield f"{text}\n\n" if cell["cell_type"] == "markdown" else f"```python\n{text}\n```\n\n"


def _commands() -> Iterator[str]:
    from ragkit.cli.arguments.parser import parser

    yield "# Commands and options\n\nWhat `--help` prints.\n"
    top = parser()
    yield f"\n## ragkit\n\n```text\n{top.format_help()}```\n"
    for action in top._actions:
        if isinstance(action, argparse._SubParsersAction):
            seen: set[int] = set()
            for name, command in action.choices.items():
                if id(command) not in seen:  # an alias is another name of the same parser
                    seen.add(id(command))
                    yield f"\n## ragkit {name}\n\n```text\n{command.format_help()}```\n"


def _settings() -> Iterator[str]:
    """A table of the fields of `Settings`: name, type, default, and the comment beside or above."""
    from ragkit.settings import Settings

    yield (
        "# Settings\n\nA flag overrides the environment (`RAGKIT_` and the name in capitals), "
        "which overrides `ragkit.toml`, which overrides your own `config.toml`; `ragkit config` "
        "shows every value and where it comes from.\n\n"
        "| setting | type | default | |\n|---|---|---|---|\n"
    )
    comments: list[str] = []
    for line in inspect.getsource(Settings).splitlines():
        if comment := re.match(r"    # (.*)", line):
            comments.append(comment[1])
        elif field := re.match(r"    (\w+): (.+?) = (.+?)(?:  # (.*))?$", line):
            name, kind, default, beside = field.groups()
            text = beside or " ".join(comments)
            kind = kind.replace(" | None", "")
            yield f"| `{name}` | {kind} | `{default}` | {text.replace('|', '&#124;')} |\n"
            comments = []
        elif comments:
            comments = []
        if "def __post_init__" in line:
            break


def _python() -> Iterator[str]:
    import ragkit

    yield "# Python\n\n`import ragkit` loads nothing heavy: each name is loaded on first use.\n"
    names = ["Collection", *(name for name in ragkit.__all__ if name != "Collection")]
    for name in names:
        yield f"\n::: ragkit.{ragkit._MODULES[name]}.{name}\n"


def _openapi() -> dict[str, Any]:
    from ragkit.serving.api.openapi import build_document
    from ragkit.serving.app import ENDPOINTS

    return build_document(ENDPOINTS)


def _http() -> Iterator[str]:
    document = _openapi()
    yield (
        "# HTTP API\n\n`ragkit serve` shows the same at `/docs`. The OpenAPI document: "
        "[openapi.json](../openapi.json).\n"
    )
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"\n## {method.upper()} {path}\n\n{operation.get('summary', '')}\n"
            if text := operation.get("description"):
                yield f"\n{text}\n"
            yield from _parameters(operation, document)


def _parameters(operation: Mapping[str, Any], document: Mapping[str, Any]) -> Iterator[str]:
    rows = [
        (parameter["name"], parameter["in"], parameter.get("schema", {}), parameter.get("required"))
        for parameter in operation.get("parameters", ())
    ]
    content = operation.get("requestBody", {}).get("content", {})
    schema = _resolve(content.get("application/json", {}).get("schema", {}), document)
    required = schema.get("required", ())
    rows += [
        (name, "body", _resolve(value, document), name in required)
        for name, value in schema.get("properties", {}).items()
    ]
    if rows:
        yield "\n| parameter | in | type | |\n|---|---|---|---|\n"
    for name, place, value, is_required in rows:
        text = value.get("description", "").replace("|", "&#124;").replace("\n", " ")
        mark = "required" if is_required else ""
        yield f"| `{name}` | {place} | {_type(value)} | {'; '.join(filter(None, (mark, text)))} |\n"
    answers = ", ".join(operation.get("responses", {}))
    yield f"\nStatus codes: {answers}.\n"


def _resolve(schema: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = schema.get("$ref")
    if not reference:
        return schema
    return document["components"]["schemas"][reference.rpartition("/")[2]]


def _type(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        return " or ".join(kind)
    if kind:
        return str(kind)
    alternatives = schema.get("anyOf") or schema.get("oneOf") or ()
    return " or ".join(dict.fromkeys(_type(item) for item in alternatives)) or "any"
