"""The table of providers, and what a person's own one changes in it."""

import re
from decimal import Decimal
from pathlib import Path

import pytest

from bot.errors import ConfigurationError
from bot.settings import load
from bot.treasury.keys import load_keys
from bot.treasury.providers import REHEARSAL, THINKING, Providers, Tier, read_providers
from tests.houses import ROOT
from workers.purse import Purse

OURS = read_providers()
OLLAMA = '[ollama]\nurl = "http://localhost:11434/v1"\nneeds_key = false\nsmart = "llama-9"\n'
PRICE = "{ input = 1, output = 2.5, cache_read = 1, cache_write = 1, context = 8_000, priced = 2026-11-21 }"


def own(path: Path, text: str) -> Path:
    """Write a person's own table of providers."""
    file = path / "providers.toml"
    file.write_text(text, encoding="utf-8")
    return file


def complaint(path: Path, text: str) -> str:
    """Return why a person's own table is refused."""
    with pytest.raises(ConfigurationError) as found:
        read_providers(own(path, text))
    return str(found.value)


def test_the_default_table_is_sane() -> None:
    """Each tier's model has a price, each price a day, and the limits are the seed's."""
    limits = {
        "anthropic": (1_000_000, 30_000_000),
        "openai": (500_000, 15_000_000),
        "groq": (10_000_000, None),
        "nvidia": (5_000_000, None),
        "openrouter": (2_000_000, None),
        "sokosumi": (100_000, None),
        REHEARSAL: (None, None),
    }
    assert {name: (one.tokens_per_day, one.tokens_per_month) for name, one in OURS.table.items()} == limits
    for name, provider in OURS.table.items():
        for tier in THINKING:
            assert OURS.nearest_model(name, tier) in provider.models
        for price in provider.models.values():
            assert price.priced.year == 2026
            if price.minute is not None:  # it listens: a second costs what it does, and all else nothing
                assert not any((price.output, price.cache_read, price.cache_write))
                continue
            assert price.context >= 8_000
            assert price.cache_read <= price.input <= price.output
            assert price.cache_write >= price.input
            assert price.long is None or price.long.input >= price.input
        paid = name not in ("nvidia", REHEARSAL)
        assert paid == (not provider.free) == any(price.output for price in provider.models.values())
        assert provider.url.startswith("https://") or name == REHEARSAL


def test_single_keys_of_our_table_change(tmp_path: Path) -> None:
    """What a person's table says goes before ours, and everything beside it stays."""
    file = own(
        tmp_path,
        'anthropic.tokens_per_day = 7\nanthropic.models."claude-sonnet-5-5".input = 9.999\ngroq.free = true\n'
        f'anthropic.smart = "claude-opus-5-5"\nnvidia.models."new" = {PRICE}\n'
        'anthropic.organisations = { "anthropic-2" = "work" }\n',
    )
    table = read_providers(file)
    claude, before = table["anthropic"], OURS["anthropic"]
    assert (claude.tokens_per_day, claude.tokens_per_month) == (7, 30_000_000)
    changed = {"input": Decimal("9.999")}
    assert claude.models["claude-sonnet-5-5"] == before.models["claude-sonnet-5-5"].model_copy(update=changed)
    assert claude.models["claude-haiku-5-5"] == before.models["claude-haiku-5-5"]
    assert (table.model("anthropic", Tier.SMART), table.model("anthropic", Tier.FAST)) == ("claude-opus-5-5", before.fast)
    assert claude.organisations == {"anthropic-2": "work"}
    assert table["groq"].rate("openai/gpt-oss-120b") == 0
    assert len(table["nvidia"].models) == len(OURS["nvidia"].models) + 1
    assert read_providers(tmp_path / "nowhere.toml").table == OURS.table


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("anthropic.tokens_per_dya = 5", "anthropic.tokens_per_dya: unknown key. Did you mean tokens_per_day?"),
        ('anthropic.models."claude-opus-5-5".inptu = 5', "claude-opus-5-5.inptu: unknown key. Did you mean input?"),
        (
            "[antropic]\ntokens_per_day = 5",
            "antropic.url is missing. Did you mean anthropic? Another provider needs its address.",
        ),
        ('[mine]\nsmart = "x"', "mine.url is missing. Another provider needs its address."),
        ("anthropic.tokens_per_day = 0", "anthropic.tokens_per_day"),
        ('anthropic.tokens_per_day = "many"', "anthropic.tokens_per_day"),
        ('anthropic.models."claude-opus-5-5".input = -1', "claude-opus-5-5.input"),
        ('anthropic.models."claude-opus-5-5".input = nan', "claude-opus-5-5.input"),
        ('anthropic.models."claude-opus-5-5".input = inf', "claude-opus-5-5.input"),
        ('anthropic.models."claude-opus-5-5".input = 1.23456', "claude-opus-5-5.input"),
        ('anthropic.models."claude-opus-5-5".context = 0', "claude-opus-5-5.context"),
        ('anthropic.models."claude-opus-5-5".context = -5', "claude-opus-5-5.context"),
        ('anthropic.models."claude-opus-5-5".priced = "soon"', "claude-opus-5-5.priced"),
        ('anthropic.models."claude-opus-5-5" = 5', "anthropic.models.claude-opus-5-5"),
        ('anthropic.models."new" = { input = 1 }', "anthropic.models.new.output"),
        ('anthropic.protocol = "smtp"', "anthropic.protocol"),
        ('anthropic.url = "localhost:8080"', "anthropic.url is no address; one begins with http:// or https://"),
        ("anthropic = 5", "anthropic "),
        ('["my own"]\nurl = "http://x"', "'my own' cannot be a provider's name. Take letters, digits,"),
        ('["a:b"]\nurl = "http://x"', "'a:b' cannot be a provider's name."),
        ("anthropic.smart = ", "it cannot be read: Invalid value (at "),
        ("[anthropic]\n[anthropic]\n", "it cannot be read: Cannot declare ('anthropic',) twice (at line 2"),
    ],
)
def test_a_table_that_cannot_be_used(tmp_path: Path, text: str, words: str) -> None:
    """Each wrong line is refused with the file and the key in which it stands."""
    shown = complaint(tmp_path, text)
    assert shown.startswith(f"{tmp_path / 'providers.toml'}: ")
    assert words in shown
    assert "Decimal" not in shown
    assert "pydantic" not in shown


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    """A table with several mistakes is mended in one go."""
    assert len(complaint(tmp_path, "anthropic.fre = true\ngroq.tokens_per_day = -1\nopenai.slow = 1\n").splitlines()) == 3


def test_a_table_as_windows_saves_it(tmp_path: Path) -> None:
    """A mark of the byte order is no part of the table; what is no UTF-8 is said so."""
    file = tmp_path / "providers.toml"
    file.write_bytes(b"\xef\xbb\xbfgroq.free = true\n")
    assert read_providers(file)["groq"].free
    file.write_bytes(b'groq.url = "\xff"\n')
    with pytest.raises(ConfigurationError, match=r"it is not UTF-8 text\. Save it as UTF-8\."):
        read_providers(file)


def pasted(path: Path, before: str, **named: str) -> Providers:
    """Refuse a model without a price, add the lines that the refusal gives at the end of the file, and read it again."""
    file = own(path, before)
    chosen = {Tier(tier): model for tier, model in named.items()}
    with pytest.raises(ConfigurationError, match="nothing is spent at an unknown price") as found:
        read_providers(file, chosen)
    assert str(file) in str(found.value)
    lines = str(found.value).partition("\n")[2]
    file.write_text(f"{before}\n{lines}\n", encoding="utf-8")
    return read_providers(file, chosen)


@pytest.mark.parametrize("before", [OLLAMA, f"# mine\n{OLLAMA}\n[groq]\nfree = true", f"groq.free = true\n{OLLAMA}"])
def test_the_lines_to_add_work_when_pasted(tmp_path: Path, before: str) -> None:
    """A model of a provider of one's own without a price is refused with lines that, added at the end, make it work."""
    table = pasted(tmp_path, before)
    assert table.model("ollama", Tier.SMART) == "llama-9"
    assert table["ollama"].models["llama-9"].input == 3


@pytest.mark.parametrize(
    ("model", "provider"),
    [("claude-sonet-5-5", "anthropic"), ("gpt-6-soll", "openai"), ("x", "anthropic"), ('odd "name" \\ ü', "anthropic")],
)
def test_a_named_model_without_a_price(tmp_path: Path, model: str, provider: str) -> None:
    """BUTLER_MODEL names a model that nobody priced: the lines to add are for the provider that has the nearest one."""
    table = pasted(tmp_path, "groq.free = true", smart=model)
    assert model in table[provider].models
    assert table.model(provider, Tier.SMART) == model
    fast = pasted(tmp_path, "", fast=model)
    assert fast.model(provider, Tier.FAST) == model


def test_the_settings_name_a_model_of_any_provider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """BUTLER_MODEL and BUTLER_SMALL_MODEL may name models of different providers, whose keys then come first."""
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "BUTLER_HOUSEHOLD": str(ROOT / "household"),
        "BUTLER_MODEL": "gpt-6-sol",
        "BUTLER_SMALL_MODEL": "openai/gpt-oss-20b",
        "OPENAI_API_KEY": "sk-1",
        "GROQ_API_KEY": "gsk-1",
        "ANTHROPIC_API_KEY": "sk-2",
    }.items():
        monkeypatch.setenv(name, value)
    treasury = Purse(load()).treasury
    assert treasury.expected_model(Tier.SMART) == "gpt-6-sol"
    assert treasury.expected_model(Tier.FAST) == "openai/gpt-oss-20b"
    monkeypatch.setenv("BUTLER_SMALL_MODEL", "gpt-oss")
    with pytest.raises(ConfigurationError, match=r"^BUTLER_SMALL_MODEL: no price is known for gpt-oss"):
        _ = Purse(load()).treasury


def test_a_table_that_was_named_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """BUTLER_PROVIDERS_PATH names a file that is missing: that is said, where the household's may be missing."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BUTLER_HOUSEHOLD", str(tmp_path))
    assert Purse(load()).providers.table == OURS.table
    monkeypatch.setenv("BUTLER_PROVIDERS_PATH", str(tmp_path / "mine.toml"))
    with pytest.raises(
        ConfigurationError, match=rf"^BUTLER_PROVIDERS_PATH: {re.escape(str(tmp_path))}/mine\.toml is not there\."
    ):
        _ = Purse(load()).providers


def test_a_provider_that_needs_no_key(tmp_path: Path) -> None:
    """A server on the same machine is there without a key of its own."""
    table = read_providers(own(tmp_path, f'{OLLAMA}[ollama.models."llama-9"]\n{PRICE[2:-2].replace(", ", chr(10))}\n'))
    (found,) = load_keys({}, None, table)
    assert (found.id, found.secret, table["ollama"].needs_key) == ("ollama-1", "", False)
