"""Keys and tokens in documents: found by kind and line, masked in place, never shown.

The secrets here are made up at run time, in the formats that their services document; the private
key is a real one, generated for the test.
"""

import base64
import json
import random
import string

import pytest

from ragkit import Settings, UsageError
from ragkit.cli import main
from ragkit.ingest import secrets
from ragkit.ingest.secrets import MASK, check_document, find_secrets
from ragkit.records.documents import Document, Heading
from tests.conftest import REPOSITORY

ALPHANUMERIC = string.ascii_letters + string.digits


def characters(number, alphabet=ALPHANUMERIC, seed=5):
    return "".join(random.Random(seed).choices(alphabet, k=number))


def base64url(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def private_key(kind="RSA "):
    lines = "\n".join(characters(64, seed=line) for line in range(12))
    return f"-----BEGIN {kind}PRIVATE KEY-----\n{lines}\n-----END {kind}PRIVATE KEY-----"


GITHUB = "ghp_" + characters(36)
JWT = f"{base64url({'alg': 'HS256'})}.{base64url({'sub': 'u' * 40, 'n': 1})}.{characters(43)}"
SECRETS = {
    "AWS Access Key": "AKIA" + characters(16, string.ascii_uppercase),
    "Azure Storage Account access key": "AccountKey=" + characters(86) + "==",
    "Discord Bot Token": f"M{characters(23)}.{characters(6)}.{characters(27)}",
    "GitHub Token": GITHUB,
    "GitLab Token": "glpat-" + characters(20),
    "JSON Web Token": JWT,
    "Mailchimp Access Key": characters(32, "0123456789abcdef") + "-us12",
    "NPM tokens": "npm_" + characters(36),
    "OpenAI Token": f"sk-{characters(20)}T3BlbkFJ{characters(20, seed=6)}",
    "PyPI Token": "pypi-AgEIcHlwaS5vcmc" + characters(80),
    "SendGrid API Key": f"SG.{characters(22)}.{characters(43)}",
    "Slack Token": f"xoxb-{characters(11, '123456789')}-{characters(24)}",
    "Square OAuth Secret": "sq0csp-" + characters(43),
    "Stripe Access Key": "sk_live_" + characters(24),
    "Telegram Bot Token": f"123456789:AA{characters(33)}",
    "Twilio API Key": "SK" + characters(32, "0123456789abcdef"),
    "Anthropic API Key": "sk-ant-api03-" + characters(93),
    "DigitalOcean Token": "dop_v1_" + characters(64, "0123456789abcdef"),
    "Google API Key": "AIza" + characters(35),
    "Hugging Face Token": "hf_" + characters(34),
    "Private Key": private_key(),
}


def document(text, **fields):
    return Document(text, "text/plain", lines=True, **fields)


@pytest.mark.parametrize("kind", SECRETS)
@pytest.mark.parametrize("frame", ["{}", "the key is {}, keep it", "KEY='{}'\n", '{{"k": "{}"}}'])
def test_each_kind_is_found_and_masked_in_place(kind, frame):
    text = "First line.\n\n" + frame.format(SECRETS[kind]) + "\nLast line."
    findings = find_secrets(document(text))
    assert [(finding.kind, finding.line) for finding in findings] == [(kind, 3)]
    masked, _ = check_document(document(text), "mask")
    assert len(masked.text) == len(text)
    assert masked.text.count("\n") == text.count("\n")
    assert masked.text.endswith("Last line.")
    assert MASK in masked.text
    secret_part = SECRETS[kind].split("\n")[1 if kind == "Private Key" else 0]
    assert secret_part not in masked.text
    assert secret_part[-20:] not in masked.text
    assert find_secrets(masked) == []


@pytest.mark.parametrize("before", ["", "x" * 5000 + " ", "a line\n" * 700])
@pytest.mark.parametrize("after", ["", " " + "y" * 5000, "\na line" * 700])
def test_a_secret_is_found_anywhere_in_long_lines_and_texts(before, after):
    for kind, secret in SECRETS.items():
        text = f"{before}{secret}{after}"
        masked, findings = check_document(document(text), "mask")
        assert [finding.kind for finding in findings] == [kind]
        assert masked.text.startswith(before)
        assert masked.text.endswith(after)


def test_every_secret_of_a_list_is_found_with_its_line():
    tokens = ["ghp_" + characters(36, seed=number) for number in range(3000)]
    findings = find_secrets(document("\n".join(tokens)))
    assert [finding.line for finding in findings] == list(range(1, 3001))
    one_line = find_secrets(document(",".join(tokens)))
    assert len(one_line) == 3000


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("postgres://app:{}@db.internal:5432/main", 1),
        ("see\nhttps://deploy:{}@git.example.org/repo.git", 2),
    ],
)
def test_a_password_in_a_url_is_found_and_only_the_password_is_masked(text, line):
    password = "s3cr3t" + characters(6)
    masked, findings = check_document(document(text.format(password)), "mask")
    assert [(finding.kind, finding.line) for finding in findings] == [
        ("Basic Auth Credentials", line)
    ]
    assert password not in masked.text
    assert masked.text.startswith(text.partition("{")[0])
    assert masked.text.endswith(text.partition("}")[2])


@pytest.mark.parametrize(
    "text",
    [
        "postgres://user:password@localhost/db",
        "https://user:$TOKEN@example.org and https://user:<token>@example.org",
        "AKIA" + "IOSFODNN7EXAMPLE",
        "ghp_" + "x" * 36,
        "-----BEGIN PRIVATE KEY-----\n…\n-----END PRIVATE KEY-----",
        "-----BEGIN PUBLIC KEY-----\n" + characters(64) + "\n-----END PUBLIC KEY-----",
        "commit 3f786850e387550fdab836ed7e6dc881de23001b",
        "id 123e4567-e89b-12d3-a456-426614174000",
        "eyJ is the beginning of a token such as eyJabc.def",
        "the file is at https://example.org:8080/a@b and mailto:someone@example.org",
    ],
)
def test_examples_hashes_and_ids_are_no_secrets(text):
    assert find_secrets(document(text)) == []


def test_the_documentation_in_this_repository_contains_no_secret():
    pages = [path for folder in ("docs", "data") for path in (REPOSITORY / folder).rglob("*.md")]
    assert len(pages) > 10
    for page in pages:
        assert find_secrets(document(page.read_text(encoding="utf-8"))) == [], page


@pytest.mark.parametrize(
    "unit",
    [
        "eyJ",
        ".eyJ",
        "ghp_",
        "://a:",
        "sk-",
        "-----BEGIN PRIVATE KEY",
        "//:_authToken",
        "aws'",
        "xoxb-1-",
        "AKIA",
        "glagent-",
        ":AA",
    ],
)
def test_a_text_that_is_made_to_be_slow_comes_to_an_end(unit):
    """The patterns alone would take minutes to hours for one of these lines."""
    text = unit * (200_000 // len(unit))
    stored, _ = check_document(document(text), "warn")
    assert stored.text == text


@pytest.mark.parametrize(
    "name",
    [
        "aws_secret_access_key = ",
        "AWS_SECRET_ACCESS_KEY=",
        "secretAccessKey: ",
        '"SecretAccessKey": "',
    ],
)
def test_the_secret_key_of_aws_needs_no_quotes(name):
    key = characters(40)
    masked, findings = check_document(document(f"[default]\n{name}{key}\n"), "mask")
    assert [(finding.kind, finding.line) for finding in findings] == [("AWS Access Key", 2)]
    assert key not in masked.text
    assert name in masked.text
    digest = f"{name}{key}{key}\n"  # longer than a key: something else
    assert find_secrets(document(digest)) == []


def test_a_text_with_too_many_candidates_is_stored_only_where_secrets_are_reported(monkeypatch):
    monkeypatch.setattr(secrets, "_MAX_EXAMINED", 50_000)
    text = "AKIA " * 50_000
    assert check_document(document(text), "mask")[0] is None
    assert check_document(document(text), "skip")[0] is None
    stored, findings = check_document(document(text), "warn")
    assert stored.text == text
    assert [finding.kind for finding in findings] == ["unchecked"]
    assert "not checked for secrets" in stored.warnings[0]


def test_title_headings_and_metadata_are_masked_too():
    text = f"# Use {GITHUB}\n\nText.\n"
    heading = Heading(0, text.index("\n"), 1, f"Use {GITHUB}")
    source = document(text, title=f"Use {GITHUB}", headings=(heading,), metadata={"token": JWT})
    masked, findings = check_document(source, "mask")
    assert GITHUB not in repr(masked)
    assert JWT not in repr(masked)
    assert masked.title == masked.headings[0].text == f"Use {MASK}"
    assert [(finding.kind, finding.line) for finding in findings] == [
        ("GitHub Token", 1),
        ("JSON Web Token", 0),
    ]


def stored_bytes(folder):
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def secret_file(folder):
    (folder / "deploy.md").write_text(f"# Deploy\n\nThe token is {GITHUB}.\nParrots talk.\n")
    return folder


def test_a_secret_is_reported_in_ls_and_status_by_kind_and_line(collection, secret_file):
    report = collection.index(secret_file)
    assert report.added == 4
    [file] = [file for file in collection.files() if file.secrets]
    assert file.path == "deploy.md"
    assert [(finding.kind, finding.line) for finding in file.secrets] == [("GitHub Token", 3)]
    assert file.secrets_count == 1
    assert file.warnings == ("contains secrets: GitHub Token (line 3)",)
    assert collection.status().secrets == {"GitHub Token": 1}
    assert GITHUB not in repr(file)


def test_masked_secrets_are_nowhere_in_the_collection(open_collection, secret_file):
    with open_collection(Settings(secrets="mask", passage_tokens=40)) as collection:
        collection.index(secret_file)
        assert collection.search("parrots", mode="lexical")[0].start_line == 1
        [file] = [file for file in collection.files() if file.secrets]
        assert file.warnings == ("secrets masked: GitHub Token (line 3)",)
        assert GITHUB not in collection.get("deploy.md").text
        assert "token is [secret]" in collection.get("deploy.md").text
    assert GITHUB.encode() not in stored_bytes(collection.folder)


def test_skipped_documents_are_reported_and_left_out(open_collection, secret_file):
    with open_collection(Settings(secrets="skip", passage_tokens=40)) as collection:
        report = collection.index(secret_file)
        assert (report.added, report.skipped) == (3, 1)
        [file] = [file for file in collection.files() if file.status == "skipped"]
        assert (file.path, file.kind) == ("deploy.md", "secret")
        assert file.reason == "contains secrets: GitHub Token (line 3)"
        assert report.coverage.left_out == {"secret": 1}
        assert report.missing == ()
        assert collection.index().skipped == 1  # is not read again
    assert GITHUB.encode() not in stored_bytes(collection.folder)


def test_another_setting_reads_the_files_again_and_stays_with_the_collection(
    open_collection, secret_file
):
    tokens = Settings(passage_tokens=40)
    with open_collection(tokens) as collection:
        collection.index(secret_file)
    with open_collection(Settings(passage_tokens=40, secrets="mask")) as collection:
        report = collection.index()
        assert report.updated == 4  # the setting decides how every file is read
        assert report.embedded <= 1
    with open_collection(tokens) as collection:
        report = collection.index()
        assert (report.updated, report.unchanged) == (0, 4)
        assert GITHUB not in collection.get("deploy.md").text
    with open_collection(Settings(passage_tokens=40, secrets="warn")) as collection:
        collection.index()
        assert GITHUB in collection.get("deploy.md").text


def test_a_setting_that_does_not_exist_is_refused():
    with pytest.raises(UsageError, match="secrets is 'hide'; expected one of warn, mask, skip"):
        Settings(secrets="hide")


def test_members_of_an_archive_are_checked_one_by_one(open_collection, tmp_path):
    import zipfile

    folder = tmp_path / "mail"
    folder.mkdir()
    with zipfile.ZipFile(folder / "all.zip", "w") as archive:
        archive.writestr("a.txt", "Parrots talk.")
        archive.writestr("b/c.txt", f"x\n{GITHUB}\n")
    with open_collection(Settings(secrets="skip", passage_tokens=40)) as collection:
        collection.index(folder)
        [file] = collection.files()
        assert (file.status, file.documents, file.unread_count) == ("indexed", 1, 1)
        assert [(part.record, part.kind) for part in file.unread] == [("b/c.txt", "secret")]
        assert [(finding.record, finding.line) for finding in file.secrets] == [("b/c.txt", 2)]


def test_the_command_line_masks_and_lists(tmp_path, secret_file, monkeypatch, capsys, encoder):
    from ragkit import collection as module

    original = module.Collection.__init__

    def with_fake_model(self, folder, **options):
        original(self, folder, **{**options, "encoder": encoder})

    monkeypatch.setattr(module.Collection, "__init__", with_fake_model)
    collection_folder = ["-c", str(tmp_path / "cli")]
    assert main([*collection_folder, "index", str(secret_file), "--secrets", "mask"]) == 0
    capsys.readouterr()
    assert main([*collection_folder, "ls"]) == 0
    assert "(secrets: GitHub Token in line 3)" in capsys.readouterr().out
    assert main([*collection_folder, "status"]) == 0
    assert "GitHub Token in 1 file" in capsys.readouterr().out
    assert main([*collection_folder, "ls", "--json"]) == 0
    output = capsys.readouterr().out
    assert GITHUB not in output
    files = {file["path"]: file["secrets"] for file in json.loads(output)}
    assert files["deploy.md"] == [{"kind": "GitHub Token", "line": 3, "record": ""}]
    assert main([*collection_folder, "index", str(secret_file), "--secrets", "hide"]) == 2
