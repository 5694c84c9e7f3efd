"""Keys as a person sets them: what is read, what is refused, and that no refusal shows a part of a key."""

import json
from pathlib import Path

import pytest

from bot.errors import ConfigurationError
from bot.treasury.keys import Key, load_keys
from bot.treasury.providers import REHEARSAL, read_providers

OURS = read_providers()
SECRET = "sk-canary-0123456789-abcdefgh"


def keys_of(path: Path, content: object, **environment: list[str]) -> tuple[Key, ...]:
    """Read a file of keys beside those of the environment."""
    file = path / "keys.json"
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        file.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return load_keys(environment, file, OURS)


def refused(path: Path, content: object, **environment: list[str]) -> str:
    """Return why a file of keys is refused; no refusal shows any of a key."""
    with pytest.raises(ConfigurationError) as found:
        keys_of(path, content, **environment)
    shown = str(found.value)
    assert "canary" not in shown
    assert found.value.__cause__ is None
    return shown


def test_keys_have_ids(tmp_path: Path) -> None:
    """Keys of the environment come first, those of the file after them, and each is known by provider and number."""
    found = keys_of(
        tmp_path, {"anthropic": "file-key-1", "nvidia": ["n1 ", " n2"]}, anthropic=["env-key-1"], groq=["g"], openai=[]
    )
    assert [(key.id, key.secret) for key in found] == [
        ("anthropic-1", "env-key-1"),
        ("anthropic-2", "file-key-1"),
        ("groq-1", "g"),
        ("nvidia-1", "n1"),
        ("nvidia-2", "n2"),
    ]
    assert "env-key-1" not in repr(found)
    assert len({key.fingerprint for key in found}) == 5


def test_without_any_key_the_rehearsal_answers(tmp_path: Path) -> None:
    """No key at all, or a file with none in it, is the rehearsal model; a provider that needs none is a key of its own."""
    assert [key.id for key in load_keys({"anthropic": ()}, None, OURS)] == [REHEARSAL]
    assert [key.id for key in keys_of(tmp_path, {})] == [REHEARSAL]


def test_a_file_as_windows_saves_it(tmp_path: Path) -> None:
    """A mark of the byte order before the first bracket is no part of the JSON."""
    assert [key.secret for key in keys_of(tmp_path, b'\xef\xbb\xbf{"groq": "gsk"}')] == ["gsk"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (f'{{"anthropic": "{SECRET}"', "line 1, column 46: this is no JSON (Expecting ',' delimiter). It looks like"),
        (f'{{"anthropic": {SECRET}}}', "line 1, column 15: this is no JSON (Expecting value). It looks like"),
        (f"ANTHROPIC_API_KEY={SECRET}", "line 1, column 1: this is no JSON"),
        ("", "line 1, column 1: this is no JSON"),
        ("[" * 100_000, "is nested too deeply"),
        (f'"{SECRET}"', "holds no table of keys"),
        ([SECRET], "holds no table of keys"),
        (f'{{"anthropic": "{SECRET}", "anthropic": "other"}}', "anthropic stands there twice."),
        (f'{{"{SECRET}": "anthropic", "{SECRET}": "x"}}', "its entry 1 stands there twice."),
        (
            {"antropic": SECRET},
            "names a provider that nobody knows: antropic. Did you mean anthropic? There are anthropic, openai",
        ),
        ({"ollama": SECRET}, "names a provider that nobody knows: ollama. There are"),
        ({"groq": "g", SECRET: "anthropic"}, "names a provider that nobody knows: its entry 2. There are"),
        ({"gskcanaryabcdefghijklmnop": "groq"}, "names a provider that nobody knows: its entry 1. There are"),
        ({REHEARSAL: SECRET}, "names a provider that nobody knows: rehearsal."),
        ({"anthropic": ""}, "anthropic holds no key, or something that is none"),
        ({"anthropic": " \t"}, "anthropic holds no key, or something that is none"),
        ({"anthropic": []}, "anthropic holds no key, or something that is none"),
        ({"anthropic": [SECRET, None]}, "anthropic holds no key, or something that is none"),
        ({"anthropic": {"key": SECRET}}, "anthropic holds no key, or something that is none"),
        ({"anthropic": 12345}, "anthropic holds no key, or something that is none"),
        (b'{"anthropic": "canary\xff"}', "is not UTF-8 text. Save it as UTF-8."),
    ],
)
def test_what_is_no_file_of_keys(tmp_path: Path, content: object, words: str) -> None:
    """Each wrong file is refused with what is wrong and where, and never with any of what may be a key."""
    shown = refused(tmp_path, content)
    assert shown.startswith(f"BUTLER_KEYS_PATH: {tmp_path}")
    assert words in shown


@pytest.mark.parametrize("secret", ["sk-canary ab", "sk-canary-ä", "sk-canary\nab", "sk-canary\ud800", "“sk-canary”"])
def test_what_can_be_no_key(tmp_path: Path, secret: str) -> None:
    """A key with a blank or a letter that no header can carry is refused at start, by its id."""
    words = "groq-2 holds a blank or a letter that no key has; it was probably not copied as it is."
    assert words in refused(tmp_path, {"groq": ["fine", secret]})
    with pytest.raises(ConfigurationError, match="groq-1 holds a blank") as found:
        load_keys({"groq": [secret]}, None, OURS)
    assert "canary" not in str(found.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """A missing file and a folder are named with what the machine says of them."""
    with pytest.raises(ConfigurationError, match=r"nowhere\.json cannot be read: No such file or directory\."):
        load_keys({}, tmp_path / "nowhere.json", OURS)
    with pytest.raises(ConfigurationError, match=r"cannot be read: Is a directory\."):
        load_keys({}, tmp_path, OURS)


def test_the_same_key_twice(tmp_path: Path) -> None:
    """A key that stands twice, in one place or across both, is refused; two providers may have the same one."""
    twice = "are the same key, so that its limit would be counted twice. Take one of them out of"
    assert f"groq-1 and groq-3 {twice} GROQ_API_KEY or BUTLER_KEYS_PATH." in refused(tmp_path, {"groq": [SECRET, "x", SECRET]})
    assert f"groq-1 and groq-2 {twice}" in refused(tmp_path, {"groq": f" {SECRET} "}, groq=[SECRET])
    with pytest.raises(ConfigurationError, match="groq-1 and groq-2 are the same key"):
        load_keys({"groq": [SECRET, SECRET]}, None, OURS)
    assert len(keys_of(tmp_path, {"groq": SECRET, "openai": SECRET})) == 2
