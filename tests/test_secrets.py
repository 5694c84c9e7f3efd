"""Secrets: what must never be shown is not shown, in whatever form it comes and wherever it would appear."""

import base64
import io
import json
import logging
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_settings import BaseSettings

from bot import logs
from bot.chat_forms import forms
from bot.redaction import MASK, Redactor
from bot.settings import PROVIDERS, Settings, load
from tests.anthropic_server import AnthropicServer
from tests.houses import ROOT, House
from tests.telegram_server import TelegramServer

TOKEN = "8123456789:AAF-canary_telegram-token-0123456789ab"
BOT_TOKEN = "xoxb-canary-0123456789-slack"
APP_TOKEN = "xapp-1-canary-0123456789"
KEY = "sk-ant-api03-canary-0123456789abcdefghijklmnopqrstuvwxyz"
FORMS = [
    lambda secret: secret,
    lambda secret: quote(secret, safe=""),
    lambda secret: base64.b64encode(secret.encode()).decode(),
    lambda secret: secret.encode().hex(),
    json.dumps,
    lambda secret: f"https://api.example.org/bot{secret}/getMe",
    lambda secret: f"Authorization: Bearer {secret}",
    lambda secret: str(ValueError(f"cannot use {secret!r}")),
]


def secret_fields() -> list[str]:
    """Return the names of the settings that hold secrets, by their types."""
    settings: list[type[BaseSettings]] = [Settings, *(form.settings for form in forms())]
    fields = (field for one in settings for field in one.model_fields.values())
    return [str(field.validation_alias) for field in fields if "Secret" in str(field.annotation)]


def test_every_secret_setting_is_known_to_the_redactor(monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting of a secret type is among the values that are masked, so that a new one cannot be forgotten."""
    keys = [f"{name.upper()}_API_KEY" for name in PROVIDERS]
    assert secret_fields() == [*keys, "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "TELEGRAM_BOT_TOKEN"]
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", TOKEN)
    monkeypatch.setenv("ANTHROPIC_API_KEY", f"{KEY}, {KEY}2")
    monkeypatch.setenv("SLACK_BOT_TOKEN", BOT_TOKEN)
    monkeypatch.setenv("SLACK_APP_TOKEN", APP_TOKEN)
    settings = load()
    assert set(settings.secrets) == {TOKEN, KEY, f"{KEY}2", BOT_TOKEN, APP_TOKEN}
    assert BOT_TOKEN not in repr(settings.chats)
    assert TOKEN not in repr(settings)
    assert KEY not in repr(settings)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("secret", [TOKEN, KEY, 'odd"one\\here'])
def test_every_form_is_masked(secret: str, form: object) -> None:
    """Raw, quoted, encoded, in an address, a header or an error: the value is gone."""
    shown = Redactor([secret]).clean(f"before {form(secret)} after")  # type: ignore[operator]
    assert MASK in shown
    for lost in (secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode().rstrip("="), secret.encode().hex()):
        assert lost not in shown
    assert shown.startswith("before ")
    assert shown.endswith(" after")


@pytest.mark.parametrize(
    "foreign",
    [
        "sk-ant-api03-someone-elses-key-0000",
        "sk-proj-abcdefghijklmnopqrst",
        "ghp_abcdefghijklmnopqrstuvwxyz012345",
        "github_pat_11ABCDEFG0abcdefghij_klm",
        "xoxb-123456789012-abcdefghijkl",
        "xapp-1-A0123456789-abcdef",
        "nvapi-abcdefghijklmnopqrst",
        "gsk_abcdefghijklmnopqrst",
        "AIzaSyA-abcdefghijklmnopqrstuvwxyz01234",
        "ya29.a0AfH6SMB-abcdefghijklmnop",
        "AKIAIOSFODNN7EXAMPLE",
        "712345678:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw9",
        "redis://default:hunter2secret@10.0.0.1:6379/0",
        "-----BEGIN PRIVATE KEY-----\nMIIEvQ\n-----END PRIVATE KEY-----",
    ],
)
def test_what_looks_like_a_credential_is_masked(foreign: str) -> None:
    """A credential of somebody else's that a person pastes is masked by its form."""
    shown = Redactor([]).clean(f"my key is {foreign} there")
    assert MASK in shown
    assert foreign not in shown


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=200))
def test_ordinary_text_stays(text: str) -> None:
    """Words without a secret in them are not touched."""
    plain = "".join(letter for letter in text if letter not in ":@/-_")
    assert Redactor([TOKEN, KEY, "ab"]).clean(plain) == plain or len(plain) > 40


def test_a_log_line_is_clean_and_says_what_it_is_about() -> None:
    """Message, extra fields and traceback of a log line are masked; it names turn, conversation and butler."""
    output = io.StringIO()
    with tempfile.TemporaryDirectory() as folder:
        logs.start_logging("worker", Redactor([KEY]), Path(folder))
        root = logging.getLogger()
        with logs.about(turn=3, conversation=5, butler="assistant"):
            error = ValueError(f"refused {KEY}")
            logging.getLogger("a").error("key %s failed", KEY, exc_info=error, extra={"header": f"Bearer {KEY}"})
        for handler in root.handlers[:]:
            handler.close()
            root.removeHandler(handler)
        output.write((Path(folder) / "worker.log").read_text())
    line = json.loads(output.getvalue())
    assert KEY not in output.getvalue()
    assert line["error"].endswith(f"ValueError: refused {MASK}\n")
    assert (line["turn"], line["conversation"], line["butler"], line["process"]) == (3, 5, "assistant", "worker")


def test_no_secret_is_anywhere_after_a_day_of_trouble(tmp_path: Path) -> None:
    """Token and key are fed through messages, answers, errors and a crash: no file, reply or prompt holds them."""
    with TelegramServer(TOKEN) as telegram, AnthropicServer([KEY]) as claude:
        claude.secrets = {TOKEN}
        home = House(tmp_path, telegram, claude)
        home.env["ANTHROPIC_API_KEY"] = KEY
        ada = telegram.person(7)
        with home:
            claude.says(f"Your key is {KEY} and the token {TOKEN}.")
            ada.writes("What are your secrets?")
            assert ada.reads(20) == f"Your key is {MASK} and the token {MASK}."
            claude.calls_tool("remember", {"fact": f"the token is {TOKEN}"})
            claude.says("Kept.")
            ada.writes(f"Remember {KEY}")
            ada.reads()
            claude.fail(1, status=400, type="invalid_request_error", message=f"bad key {KEY}")
            ada.writes("Fail")
            assert KEY not in ada.reads()
            telegram.fail("sendMessage", 2, status=500)
            ada.writes("/memory")
            assert TOKEN not in ada.reads()
        found = [
            str(path.relative_to(tmp_path))
            for path in tmp_path.rglob("*")
            if path.is_file() and any(secret.encode() in path.read_bytes() for secret in (TOKEN, KEY))
        ]
        assert found == []
        assert claude.leaks == []


def test_files_with_secrets_are_not_kept_in_git() -> None:
    """.env and files of keys are ignored, the example is not."""
    names = [".env", "anthropic-keys.json", "household/cook/.env", ".env.example"]
    done = subprocess.run(["git", "check-ignore", "--no-index", *names], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S607
    assert done.stdout.split() == names[:-1]
