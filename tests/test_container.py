"""Dockerfile and compose.yaml name what exists: files, user, ports, paths, commands, settings.

No image is built here. tests/test_light_install.py runs the container's command.
"""

from __future__ import annotations

import fnmatch
import json
import re
from dataclasses import fields

import yaml

from ragkit.cli.arguments.parser import parser
from ragkit.cli.arguments.serve import SERVE_PORT
from ragkit.serving.app import PUBLIC_PATHS
from ragkit.settings import OTHER_VARIABLES, PRESETS, Settings
from tests.conftest import REPOSITORY

DOCKERFILE = (REPOSITORY / "Dockerfile").read_text(encoding="utf-8")
INSTRUCTIONS = re.findall(
    r"^([A-Z]+) (.*)$", re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.M)), re.M
)
COMPOSE = yaml.safe_load((REPOSITORY / "compose.yaml").read_text(encoding="utf-8"))
RAGKIT, LLM = COMPOSE["services"]["ragkit"], COMPOSE["services"]["llm"]
VARIABLES = {f"RAGKIT_{field.name.upper()}" for field in fields(Settings)} | set(OTHER_VARIABLES)


def instruction(name: str) -> str:
    """What the last instruction of this name says."""
    return [text for word, text in INSTRUCTIONS if word == name][-1]


def test_every_file_that_is_copied_exists_and_is_sent_to_the_builder() -> None:
    lines = (REPOSITORY / ".dockerignore").read_text(encoding="utf-8").split()
    assert lines[0] == "*"
    sent = [line.removeprefix("!") for line in lines if line.startswith("!")]
    copied = [
        source
        for word, text in INSTRUCTIONS
        if word == "COPY" and not text.startswith("--from")
        for source in text.split()[:-1]
    ]
    assert "ragkit" in copied
    for source in copied:
        assert (REPOSITORY / source).exists(), source
        assert any(fnmatch.fnmatch(source, f"{name}*") for name in sent), source


def test_the_light_packages_are_installed_without_dependencies() -> None:
    installs = [text for word, text in INSTRUCTIONS if word == "RUN" and "pip install" in text]
    assert len(installs) == 2
    assert all("--no-deps" in text for text in installs)
    assert "-r requirements/light.txt" in installs[0]


def test_it_runs_as_a_user_without_rights_who_owns_the_volume() -> None:
    user = instruction("USER")
    assert int(user) > 0
    (making,) = [text for word, text in INSTRUCTIONS if word == "RUN" and "useradd" in text]
    assert f"--uid {user} ragkit" in making
    (volume,) = json.loads(instruction("VOLUME"))
    assert f"chown ragkit {volume}" in making
    assert f"mkdir {volume} " in making
    paths = dict(re.findall(r"(RAGKIT_\w+)=(\S+)", instruction("ENV")))
    assert set(paths) <= VARIABLES
    assert all(path.startswith(volume) for path in paths.values())


def test_the_health_check_asks_for_a_path_that_needs_no_token() -> None:
    (port, path) = re.findall(r"127\.0\.0\.1:(\d+)(/[\w/]+)", instruction("HEALTHCHECK"))[0]
    assert path in PUBLIC_PATHS
    assert int(port) == int(instruction("EXPOSE")) == SERVE_PORT


def test_the_commands_can_be_parsed_and_ask_for_a_token() -> None:
    assert json.loads(instruction("ENTRYPOINT")) == ["ragkit"]
    for words in (json.loads(instruction("CMD")), RAGKIT["command"]):
        arguments = parser(words).parse_args(words)
        assert (arguments.collections, arguments.host) == (["/docs"], "0.0.0.0")
        assert arguments.port == SERVE_PORT
        assert arguments.token_env in RAGKIT["environment"]
        assert arguments.token_env in DOCKERFILE


def test_the_compose_file_names_settings_volumes_and_services_that_exist() -> None:
    settings = dict(RAGKIT["environment"])
    assert settings.pop("RAGKIT_TOKEN").startswith("${RAGKIT_TOKEN:?")
    assert set(settings) <= VARIABLES
    assert settings["RAGKIT_LLM_PRESET"] in PRESETS
    assert re.match(r"http://(\w+):", settings["RAGKIT_LLM_BASE_URL"])[1] == "llm"
    assert RAGKIT["depends_on"] == ["llm"]
    assert RAGKIT["ports"] == [f"127.0.0.1:{SERVE_PORT}:{SERVE_PORT}"]
    assert "--allow-host=ragkit" in RAGKIT["command"]  # by which other services call it
    used = {text.partition(":")[0] for text in RAGKIT["volumes"] + LLM["volumes"]}
    assert set(COMPOSE["volumes"]) == {name for name in used if name.isalpha()}
    targets = [re.sub(r"\$\{[^}]*\}", "", text).split(":")[1] for text in RAGKIT["volumes"]]
    assert targets == ["/data", "/docs"]
    assert RAGKIT["volumes"][1].endswith(":ro")
