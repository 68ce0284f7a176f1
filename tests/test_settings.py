"""Settings: precedence of their sources, validation, relative paths."""

import dataclasses

import pytest

from ragkit import settings, trust
from ragkit.errors import UsageError
from ragkit.settings import Settings


@pytest.fixture
def project(tmp_path, monkeypatch):
    folder = tmp_path / "project" / "deep"
    folder.mkdir(parents=True)
    user = tmp_path / "user"
    user.mkdir()
    monkeypatch.setenv("RAGKIT_CONFIG_DIR", str(user))
    return folder


def test_flag_beats_environment_beats_project_beats_user_beats_default(
    project, tmp_path, monkeypatch
):
    assert settings.load(project).top_k == 10
    (tmp_path / "user" / "config.toml").write_text('top_k = 1\nmode = "lexical"\noverlap = 0\n')
    assert settings.load(project).top_k == 1
    (project.parent / "ragkit.toml").write_text('top_k = 2\nmode = "hybrid"\n')
    assert settings.load(project).top_k == 2
    monkeypatch.setenv("RAGKIT_TOP_K", "3")
    assert settings.load(project).top_k == 3
    loaded = settings.load(project, {"top_k": 4, "model": None})
    assert loaded == Settings(top_k=4, mode="hybrid", overlap=0)


def test_the_nearest_project_file_is_used(project):
    (project.parent / "ragkit.toml").write_text("top_k = 2\n")
    (project / "ragkit.toml").write_text("overlap = 0.2\n")
    assert settings.load(project) == Settings(overlap=0.2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("topk = 3", r"ragkit.toml: unknown setting 'topk'; did you mean top_k\?"),
        ("colour = 3", "unknown setting 'colour'; known: collection, model"),
        ('top_k = "many"', "top_k is 'many'; expected int"),
        ("top_k = 2.5", "top_k is 2.5; expected int"),
        ("top_k = true", "top_k is True; expected int"),
        ("model = 3", "model is 3; expected str"),
        ("model = []", r"model is \[\]; expected str"),
        ('mode = "psychic"', "ragkit.toml: mode is 'psychic'; expected one of dense"),
        ("top_k = 0", "top_k is 0; expected 1 or more"),
        ("overlap = 0.5", "overlap is 0.5; expected 0 to 0.2"),
        ("min_relevance = 1.5", "min_relevance is 1.5; expected 0 to 1"),
        ("passage_tokens = 3", "passage_tokens is 3; expected 16 to 8192"),
        ("max_file_mb = 0", "max_file_mb is 0"),
        ('precision = "fp7"', "precision is 'fp7'; expected one of fp32, int8, auto"),
        ("reader_seconds = 0", "reader_seconds is 0; expected 1 to 86,400"),
        ("reader_memory_mb = 3", "reader_memory_mb is 3; expected 64 to 1,000,000"),
        ("dimensions = 0", "dimensions is 0; expected 1 or more"),
        ('dimensions = "many"', "dimensions is 'many'; expected int"),
        ("window = 3", "window is 3; expected 16 tokens or more"),
        ('base_url = "http://x/v1"', "base_url is not allowed in a project's file.*RAGKIT_BASE"),
        ('[llm]\npreset = "openai"', "llm_preset is not allowed in a project's file"),
        ('[llm]\nbase_url = "http://x/v1"', "llm_base_url is not allowed in a project's file"),
        ("[llm]\ncontext_tokens = 9", "llm_context_tokens is 9; expected 1024 or more"),
        ("[llm]\nnonsense = 9", "unknown setting 'llm_nonsense'"),
        ('api_key_env = "AWS_SECRET"', r"api_key_env is not allowed .*write .*config\.toml"),
        ("= broken", "is not readable as TOML"),
        ('collection = "a\\u0000b"', r"toml: collection is 'a\\x00b'; expected .* without a NUL"),
        pytest.param(f"x = {'[' * 3000}{']' * 3000}", "nested too deeply", id="nested"),
        pytest.param(f"{'a.' * 9000}a = 1", "is larger than 16,384 bytes", id="long key"),
    ],
)
def test_a_wrong_setting_names_its_file_and_what_was_expected(project, text, message):
    (project / "ragkit.toml").write_text(text)
    with pytest.raises(UsageError, match=message):
        settings.load(project)


def test_a_wrong_variable_is_named(project, monkeypatch):
    monkeypatch.setenv("RAGKIT_TOP_K", "x")
    with pytest.raises(UsageError, match="the environment: RAGKIT_TOP_K is 'x'; expected int"):
        settings.load(project)


def test_only_the_user_may_name_an_address(project, tmp_path, monkeypatch):
    (tmp_path / "user" / "config.toml").write_text('base_url = "http://a/v1"\nwindow = 512\n')
    (project / "ragkit.toml").write_text('model = "m"\ndimensions = 64\n')
    assert settings.load(project) == Settings(
        model="m", dimensions=64, base_url="http://a/v1", window=512
    )
    monkeypatch.setenv("RAGKIT_BASE_URL", "http://b/v1")
    monkeypatch.setenv("RAGKIT_DIMENSIONS", "32")
    loaded = settings.load(project)
    assert (loaded.base_url, loaded.dimensions) == ("http://b/v1", 32)


def test_a_wrong_flag_is_named_as_it_is_typed(project):
    with pytest.raises(UsageError, match="the command line: -k/--top-k is 0; expected 1 or more"):
        settings.load(project, {"top_k": 0})


def test_folders_are_relative_to_the_file_that_names_them(project, tmp_path):
    (tmp_path / "user" / "config.toml").write_text('collection = "kit"\nmodel = "./mine"\n')
    assert settings.load(project).collection == str(tmp_path / "user" / "kit")
    assert settings.load(project).model == str(tmp_path / "user" / "mine")
    (project.parent / "models" / "tuned").mkdir(parents=True)
    (project.parent / "ragkit.toml").write_text('collection = "../kit"\nmodel = "models/tuned"\n')
    loaded = settings.load(project)
    assert loaded.collection == str(tmp_path / "kit")
    assert loaded.model == str(project.parent / "models" / "tuned")


def test_hub_names_and_absolute_paths_are_unchanged(project, tmp_path):
    (project / "ragkit.toml").write_text(f'model = "some/name"\ncollection = "{tmp_path}/kit"\n')
    loaded = settings.load(project)
    assert (loaded.model, loaded.collection) == ("some/name", f"{tmp_path}/kit")


def test_a_tilde_is_the_home_folder(project, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (project / "ragkit.toml").write_text('collection = "~/kit"\n')
    assert settings.load(project).collection == str(tmp_path / "kit")


def test_paths_in_variables_and_flags_are_relative_to_the_working_folder(project, monkeypatch):
    monkeypatch.setenv("RAGKIT_MODEL", "./mine")
    loaded = settings.load(project, {"collection": "kit"})
    assert (loaded.model, loaded.collection) == ("./mine", "kit")


def test_a_table_may_name_the_language_model(project, tmp_path, monkeypatch):
    (tmp_path / "user" / "config.toml").parent.mkdir(exist_ok=True)
    (tmp_path / "user" / "config.toml").write_text('[llm]\npreset = "ollama"\nmodel = "small"\n')
    monkeypatch.setenv("RAGKIT_LLM_CONTEXT_TOKENS", "2048")
    loaded = settings.load(project)
    assert (loaded.llm_preset, loaded.llm_model, loaded.llm_context_tokens) == (
        "ollama", "small", 2048,
    )  # fmt: skip
    with pytest.raises(UsageError, match="llm_preset is 'other'; expected one of ollama"):
        Settings(llm_preset="other")


@pytest.fixture
def checkout(project):
    """Return the folder of a project that came with a checkout."""
    (project.parent / ".git").mkdir()
    return project.parent


@pytest.mark.parametrize(
    "line",
    [
        'collection = "../kit"',
        'collection = "/kit"',
        'collection = "."',
        'model = "someone/model"',
        'model = "./model"',
        'tokenizer = "someone/model"',
        'reranker = "someone/model"',
        'ocr_languages = "xyz"',
        'secrets = "warn"',
        '[llm]\nmodel = "expensive"',
        "max_file_mb = 50.1",
        "max_file_mb = 1000",
        *(f"{name} = {highest}" for name, _, highest in settings._READER_LIMITS),
    ],
)
def test_the_project_file_of_a_checkout_may_not_decide_what_can_harm(checkout, line):
    (checkout / "ragkit.toml").write_text(line + "\n")
    name = line.partition(" = ")[0].replace("[llm]\n", "llm_")
    with pytest.raises(UsageError, match=rf"sets {name} to .*ragkit trust {checkout}; else .*=…"):
        settings.load(checkout)
    trust.record_project(str(checkout))
    assert settings.load(checkout) != Settings()


def test_the_project_file_of_a_checkout_may_set_what_is_harmless(checkout):
    lines = {
        "precision": '"int8"', "dimensions": "64", "window": "512", "mode": '"lexical"',
        "fusion": '"rrf"', "top_k": "3", "candidates": "9", "passage_tokens": "99",
        "min_relevance": "0.4", "passage_header": "false",
        "overlap": "0.1", "records": "true", "index_generated": "true", "ocr_engine": '"tesseract"',
        "llm_context_tokens": "2048",
    }  # fmt: skip
    assert set(lines) == set(settings.HARMLESS)
    lines |= {"max_file_mb": "1", "reader_seconds": "30", "ocr_pages": "0", "collection": '"kit"'}
    (checkout / "ragkit.toml").write_text("\n".join(f"{k} = {v}" for k, v in lines.items()))
    loaded = settings.load(checkout)
    assert (loaded.top_k, loaded.max_file_mb, loaded.ocr_pages) == (3, 1, 0)
    assert loaded.collection == str(checkout / "kit")


def test_a_link_does_not_lead_the_collection_out_of_a_checkout(checkout, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (checkout / "inside").symlink_to(tmp_path / "elsewhere")
    (checkout / "ragkit.toml").write_text('collection = "inside/kit"\n')
    with pytest.raises(UsageError, match="sets collection to"):
        settings.load(checkout)


def test_what_the_user_sets_himself_needs_no_trust(checkout, tmp_path, monkeypatch):
    (checkout / "ragkit.toml").write_text('model = "a/b"\nmax_file_mb = 200\n')
    monkeypatch.setenv("RAGKIT_MODEL", "c/d")
    loaded = settings.load(checkout, {"max_file_mb": 10})
    assert (loaded.model, loaded.max_file_mb) == ("c/d", 10)
    monkeypatch.delenv("RAGKIT_MODEL")
    (tmp_path / "user" / "config.toml").write_text('model = "a/b"\nmax_file_mb = 500\n')
    loaded = settings.load(checkout)
    assert (loaded.model, loaded.max_file_mb) == ("a/b", 200)


def test_unknown_names_in_a_checkout_are_reported_as_elsewhere(checkout):
    (checkout / "ragkit.toml").write_text("topk = 3\n")
    with pytest.raises(UsageError, match="unknown setting 'topk'; did you mean top_k"):
        settings.load(checkout)


def test_every_setting_is_either_harmless_or_refused_in_a_checkout():
    """A new setting is refused until somebody has decided about it."""
    known = {field.name for field in dataclasses.fields(Settings)}
    decided = {*settings.HARMLESS, *settings._LIMITS, *settings.FORBIDDEN_IN_PROJECT_FILES}
    refused = {
        "collection", "model", "tokenizer", "reranker", "ocr_languages", "secrets", "llm_model",
        "vector_cache_mb", "nice",
    }  # fmt: skip
    assert decided | refused == known


@pytest.mark.parametrize("name", ["RAGKIT_TOKEN", "RAGKIT_API_KEY", "RAGKIT_LLM_API_KEY"])
def test_a_variable_with_a_secret_is_no_misspelt_setting(monkeypatch, name):
    monkeypatch.setenv(name, "0123456789abcdef")
    assert settings.load() == Settings()
    monkeypatch.setenv("RAGKIT_TOKENISER", "x")
    with pytest.raises(UsageError, match=r"did you mean RAGKIT_TOKENIZER\?"):
        settings.load()
