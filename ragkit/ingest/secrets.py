"""Find keys, tokens and passwords in the text of documents, and mask them.

The patterns are those of detect-secrets (its plugins for structured secrets), plus formats that are
newer than its release. Its plugins for entropy and keywords are left out: in ordinary text most of
their findings are wrong. Nothing is sent anywhere to verify a finding. A finding has the kind and
the line, never the secret.

A fast search for fixed strings decides which parts of a text the patterns see; most documents have
none, and then detect-secrets is not even imported. The parts are short and their total is limited,
because some patterns take quadratic time on a text that was written to be slow.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from ragkit.records.documents import Document
from ragkit.records.reports import SecretFinding

SECRETS_VERSION = 2  # raised when the same text gives other findings
MASK = "[secret]"
_MAX_EXAMINED = 8_000_000  # characters of one document that the patterns may see
_MAX_KEY_BLOCK = 20_000  # characters of a private key
_MAX_NAMED = 3  # findings that a warning names
_KEY_FRAME = re.compile(r"(?:BEGIN|END) [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,10}")
_KEY_CHARACTERS = re.compile(r"[A-Za-z0-9+/=]")
_MIN_KEY_CHARACTERS = 40  # fewer: an example with the key left out
_KEY_END = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,10}-----|Private-MAC: ?\w+")
_KEY_LINE = re.compile(r"[A-Za-z0-9+/=:,. -]{1,100}")
_REPEATED = re.compile(r"(.)\1{5,}")
# Values of passwords in URLs that documentation uses as examples.
_PLACEHOLDERS = frozenset((
    "password", "passwd", "pass", "pwd", "pw", "p", "passw0rd", "mypassword", "your_password",
    "your-password", "yourpassword", "changeme", "change_me", "secret", "secretpassword",
    "mysecretpassword", "token", "apikey", "api_key", "key", "pat", "user", "username", "admin",
    "root", "guest", "test", "postgres", "example", "hunter2", "port", "x", "xxx",
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Kind:
    """How one kind of secret is found: strings that precede or contain it, and its patterns."""

    name: str
    anchors: tuple[str | re.Pattern[str], ...]
    plugin: str = ""  # "module.Class" of detect-secrets, whose patterns are used
    patterns: tuple[str, ...] = ()  # others
    before: int = 100  # characters before an anchor that the patterns see
    after: int = 1000
    extends: bool = False  # the secret goes on to the end of the token


_KINDS = (
    _Kind("AWS Access Key", ("AKIA", "ASIA", "ABIA", "ACCA", "A3T",
          re.compile(r"aws[^\n]{0,50}?['\"][0-9a-zA-Z/+]{40}['\"]"),
          re.compile(r"AWS[^\n]{0,50}?['\"][0-9a-zA-Z/+]{40}['\"]"),
          "ecret_access_key", "ecretAccessKey", "SECRET_ACCESS_KEY"),
          "aws.AWSKeyDetector",  # which wants quotes, that settings files leave out
          (r"(?i:ecret_?access_?key)['\"]?[ \t]{0,5}[=:][ \t]{0,5}['\"]?"
           r"([0-9a-zA-Z/+]{40})(?![0-9a-zA-Z/+=])",)),
    _Kind("Azure Storage Account access key", ("AccountKey=",),
          "azure_storage_key.AzureStorageKeyDetector"),
    _Kind("Basic Auth Credentials", (re.compile(r"://[^\s/@:]{1,200}:[^\s/@:]{1,200}@"),),
          "basic_auth.BasicAuthDetector", before=0, after=500),
    _Kind("Discord Bot Token", (re.compile(r"[MNO][\w-]{23,25}\.[\w-]{6}\.[\w-]{27}", re.ASCII),),
          "discord.DiscordBotTokenDetector"),
    _Kind("GitHub Token", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
          "github_token.GitHubTokenDetector", (r"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}",)),
    _Kind("GitLab Token", ("glpat-", "gldt-", "glft-", "glsoat-", "glrt-", "GR1348941", "glcbt-",
          "glimt-", "glptt-", "glagent-", "gloas-"), "gitlab_token.GitLabTokenDetector",
          after=1100),
    _Kind("JSON Web Token", (".eyJ",), "jwt.JwtTokenDetector", before=1000, after=8000,
          extends=True),
    _Kind("Mailchimp Access Key", (re.compile(r"-us[0-9]"),),
          "mailchimp.MailchimpDetector"),
    _Kind("NPM tokens", (":_authToken", "npm_"), "npm.NpmDetector", (r"npm_[A-Za-z0-9]{36}\b",)),
    _Kind("OpenAI Token", ("T3BlbkFJ",), "openai.OpenAIDetector", before=200, extends=True),
    _Kind("PyPI Token", ("pypi-AgE",), "pypi_token.PypiTokenDetector"),
    _Kind("SendGrid API Key", ("SG.",), "sendgrid.SendGridDetector"),
    _Kind("Slack Token", ("xoxa-", "xoxb-", "xoxp-", "xoxo-", "xoxs-", "xoxr-", "xapp-",
          "hooks.slack.com/services/T"), "slack.SlackDetector",
          (r"xapp-\d-[A-Z0-9]+-\d+-[a-f0-9]{32,}",)),
    _Kind("Square OAuth Secret", ("sq0csp-",), "square_oauth.SquareOAuthDetector"),
    _Kind("Stripe Access Key", ("sk_live_", "rk_live_"), "stripe.StripeDetector", extends=True),
    _Kind("Telegram Bot Token", (":AA",), "telegram_token.TelegramBotTokenDetector"),
    _Kind("Twilio API Key", (re.compile(r"AC[0-9a-f]{32}\b"), re.compile(r"SK[0-9a-f]{32}\b")),
          "twilio.TwilioKeyDetector"),
    _Kind("Anthropic API Key", ("sk-ant-",), patterns=(r"sk-ant-[a-z0-9]{2,10}-[\w-]{80,200}",)),
    _Kind("DigitalOcean Token", ("dop_v1_",), patterns=(r"dop_v1_[a-f0-9]{64}",)),
    _Kind("Google API Key", ("AIza",), patterns=(r"AIza[\w-]{35}(?![\w-])",)),
    _Kind("Hugging Face Token", ("hf_",), patterns=(r"\bhf_[A-Za-z0-9]{34,40}\b",)),
    _Kind("Private Key", ("BEGIN PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY",
          "DSA PRIVATE KEY", "OPENSSH PRIVATE KEY", "PGP PRIVATE KEY", "ENCRYPTED PRIVATE KEY",
          "PuTTY-User-Key-File-", "AGE-SECRET-KEY-1"), "private_key.PrivateKeyDetector",
          (r"BEGIN ENCRYPTED PRIVATE KEY", r"PuTTY-User-Key-File-3",
           r"AGE-SECRET-KEY-1[A-Z0-9]{58}")),
)  # fmt: skip
_NEVER_PLACEHOLDERS = ("Private Key", "JSON Web Token")  # base64 of zeros repeats a character


class TooManyCandidatesError(Exception):
    """A text contains too much that looks like the beginning of a secret to examine all of it."""


@dataclass(frozen=True, slots=True)
class _Span:
    kind: str
    start: int  # characters into the text
    end: int


@cache
def _patterns(kind: _Kind) -> tuple[list[re.Pattern[str]], Callable[[str], bool]]:
    """Return the patterns of a kind, and a function that rejects matches which only look alike."""
    patterns = [re.compile(pattern) for pattern in kind.patterns]
    is_valid: Callable[[str], bool] = lambda value: True  # noqa: E731
    if kind.plugin:
        module, _, name = kind.plugin.partition(".")
        plugin = getattr(importlib.import_module(f"detect_secrets.plugins.{module}"), name)
        patterns += plugin.denylist
        is_valid = getattr(plugin, "is_formally_valid", is_valid)
    return patterns, is_valid


def _find(text: str) -> list[_Span]:
    """Return the secrets of a text, by position, not overlapping."""
    spans: list[_Span] = []
    budget = _MAX_EXAMINED
    for kind in _KINDS:
        for start, end in _candidates(text, kind):
            budget -= end - start
            for span in _matches(text, kind, start, end):
                if kind.name == "Private Key":
                    if spans and spans[-1].kind == kind.name and span.end <= spans[-1].end:
                        continue
                    budget -= span.end - span.start
                    if not _contains_key(text[span.start : span.end]):
                        continue
                spans.append(span)
            if budget < 0:
                raise TooManyCandidatesError
    spans.sort(key=lambda span: (span.start, -span.end))
    separate: list[_Span] = []
    for span in spans:
        if not separate or span.start >= separate[-1].end:
            separate.append(span)
    return separate


def _candidates(text: str, kind: _Kind) -> Iterator[tuple[int, int]]:
    """Yield the parts of lines around the anchors of a kind; no anchor is in two of them."""
    for anchor in kind.anchors:
        position = 0
        while (hit := _next(text, anchor, position)) >= 0:
            line_start = text.rfind("\n", max(0, hit - kind.before), hit) + 1
            line_end = text.find("\n", hit, hit + kind.after)
            start = line_start or max(0, hit - kind.before)
            end = line_end if line_end >= 0 else min(len(text), hit + kind.after)
            yield start, end
            # A token near the end of the part may be cut: begin again with the last anchor in it.
            position = max(hit + 1, end if line_end >= 0 else end - kind.after // 2)


def _next(text: str, anchor: str | re.Pattern[str], position: int) -> int:
    if isinstance(anchor, str):
        return text.find(anchor, position)
    match = anchor.search(text, position)
    return -1 if match is None else match.start()


def _matches(text: str, kind: _Kind, start: int, end: int) -> Iterator[_Span]:
    patterns, is_valid = _patterns(kind)
    for pattern in patterns:
        for match in pattern.finditer(text, start, end):
            if kind.name == "Private Key":
                is_block = not match.group().startswith("AGE-")
                span = (match.start(), _key_end(text, match.end()) if is_block else match.end())
            else:
                # The value is a group where the pattern also matches what surrounds it.
                group = 1 if kind.name in ("AWS Access Key", "Basic Auth Credentials") else 0
                span = match.span(group if match.re.groups else 0)
                if kind.extends:
                    span = (span[0], _token_end(text, span[1]))
            value = text[slice(*span)]
            if not is_valid(match.group()) or _is_placeholder(kind.name, value):
                continue
            yield _Span(kind.name, *span)


_TOKEN_REST = re.compile(r"[\w.=+/-]{0,8000}", re.ASCII)


def _token_end(text: str, position: int) -> int:
    match = _TOKEN_REST.match(text, position)
    return match.end() if match else position


def _key_end(text: str, position: int) -> int:
    """Return the end of the private key whose first line is before `position`."""
    match = _KEY_END.search(text, position, position + _MAX_KEY_BLOCK)
    if match is not None:
        return match.end()
    line_end = text.find("\n", position)
    while 0 <= line_end < position + _MAX_KEY_BLOCK:
        line = _KEY_LINE.match(text, line_end + 1)
        if line is None or text[line.end() : line.end() + 1] not in ("", "\n"):
            return line_end
        if line.end() == len(text):
            return len(text)
        line_end = line.end()
    return min(len(text), position + _MAX_KEY_BLOCK)


def _contains_key(block: str) -> bool:
    """Whether there is more in it than the lines before and after a key."""
    return len(_KEY_CHARACTERS.findall(_KEY_FRAME.sub("", block))) >= _MIN_KEY_CHARACTERS


def _is_placeholder(kind: str, value: str) -> bool:
    """Whether this is a value that documentation writes in place of a secret."""
    if kind in _NEVER_PLACEHOLDERS:
        return False
    lower = value.lower()
    if kind == "Basic Auth Credentials":
        is_template = lower.startswith(("$", "<", "{", "%", "*", "...", "[", "…"))
        return is_template or lower in _PLACEHOLDERS or len(set(lower)) == 1
    return "example" in lower or _REPEATED.search(value) is not None


def _mask(text: str, spans: Sequence[_Span]) -> str:
    """Return the text with the spans masked; its length and its lines stay the same."""
    parts: list[str] = []
    position = 0
    for span in spans:
        parts.append(text[position : span.start])
        value = text[span.start : span.end]
        blank = re.sub(r"[^\n]", " ", value)
        first_line = value.partition("\n")[0]
        mask = MASK if len(first_line) >= len(MASK) else "*" * len(first_line)
        parts.append(mask + blank[len(mask) :])
        position = span.end
    parts.append(text[position:])
    return "".join(parts)


def _mask_short(text: str) -> str:
    """Return a title, heading or metadata value with its secrets replaced, not padded."""
    for span in reversed(_find(text)):
        text = text[: span.start] + MASK + text[span.end :]
    return text


def find_secrets(document: Document, record: str = "") -> list[SecretFinding]:
    """Return the secrets in a document's text, title and metadata, by line.

    `record` is the document's place in its file. Raises TooManyCandidatesError.
    """
    return [finding for finding, _ in _findings(document, record)]


def _findings(document: Document, record: str) -> list[tuple[SecretFinding, _Span | None]]:
    text = document.text
    findings: list[tuple[SecretFinding, _Span | None]] = []
    line, position = 1, 0
    for span in _find(text):
        line += text.count("\n", position, span.start)
        position = span.start
        findings.append((SecretFinding(span.kind, line, record), span))
    outside = (document.title or "", *document.metadata.values())
    kinds = {finding.kind for finding, _ in findings}
    for value in outside:
        findings += [
            (SecretFinding(span.kind, 0, record), None)
            for span in _find(value)
            if span.kind not in kinds  # a title or a property is usually a copy of a line
        ]
    return findings


def check_document(
    document: Document, mode: str, record: str = ""
) -> tuple[Document | None, list[SecretFinding]]:
    """Return a document as `mode` allows it to be stored, and its secrets.

    - "warn": the document, with a warning if it contains secrets.
    - "mask": the document with its secrets replaced; offsets and lines stay the same.
    - "skip": None if it contains secrets.

    If a text has too many candidates to examine them all, it is not stored in the modes "mask" and
    "skip": the finding then has the kind "unchecked".
    """
    try:
        findings = _findings(document, record)
    except TooManyCandidatesError:
        unchecked = [SecretFinding("unchecked", 0, record)]
        if mode != "warn":
            return None, unchecked
        warning = "not checked for secrets: too much of it looks like keys"
        return replace(document, warnings=(*document.warnings, warning)), unchecked
    secrets = [finding for finding, _ in findings]
    if not secrets:
        return document, []
    if mode == "skip":
        return None, secrets
    verb = "secrets masked" if mode == "mask" else "contains secrets"
    warning = f"{verb}: {describe(secrets)}"
    if mode == "mask":
        document = _masked(document, [span for _, span in findings if span is not None])
    return replace(document, warnings=(*document.warnings, warning)), secrets


def _masked(document: Document, spans: Sequence[_Span]) -> Document:
    metadata: Mapping[str, str] = {
        name: _mask_short(value) for name, value in document.metadata.items()
    }
    masked = _mask(document.text, spans)
    headings = []
    for heading in document.headings:
        is_masked = any(span.start < heading.end and heading.start < span.end for span in spans)
        text = _mask_short(heading.text) if is_masked else heading.text
        # A secret that the heading's text writes in another way than the document's text does.
        if is_masked and text == heading.text:
            text = " ".join(masked[heading.start : heading.end].split())
        headings.append(replace(heading, text=text))
    return replace(
        document,
        text=masked,
        title=None if document.title is None else _mask_short(document.title),
        metadata=metadata,
        headings=tuple(headings),
    )


def describe(findings: Sequence[SecretFinding]) -> str:
    """Return the kinds and lines of findings as text: `GitHub Token (line 3), …`."""
    named = [
        f"{finding.kind} (line {finding.line:,})" if finding.line else finding.kind
        for finding in findings[:_MAX_NAMED]
    ]
    more = [f"{len(findings) - _MAX_NAMED:,} more"] if len(findings) > _MAX_NAMED else []
    return ", ".join((*named, *more))
