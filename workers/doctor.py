"""`butler check`: one screen that shows every problem with its cure, and spends no tokens."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from datetime import timedelta
from email.utils import parsedate_to_datetime

import httpx
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from bot.chat_forms import ChatForm, ChatSettings, forms
from bot.commands.look import shortcomings
from bot.errors import ConfigurationError, ModelError
from bot.household import Household, read_household
from bot.ports import Route
from bot.settings import Settings
from bot.store.faults import StoreAway
from bot.switchboard import corrections
from bot.treasury.audit import imbalances
from bot.treasury.keys import Key
from bot.treasury.providers import THINKING, Tier
from workers import modules, valkey
from workers.foundation import utc_now
from workers.house import House
from workers.liveness import is_held

LEAST_SPACE = 200 * 2**20  # bytes
MOST_DRIFT = timedelta(seconds=60)
SECONDS = 10.0

Findings = Iterator[str]  # a line each: "✓ …" or "✗ …, and what to do"


def check(settings: Settings) -> int:
    """Print how the house stands; return 1 if there is any problem."""
    house = House(settings)
    problems = 0
    for step in (_home, _database, _queue, _household, _chats, _keys, _ledger, _clock):
        if step in (_database, _queue, _household, _ledger) and not house.home.folder.is_dir():
            continue  # said above, and nothing there can be looked at
        for finding in step(house):
            problems += finding.startswith("✗")
            print(house.redactor.clean(finding))  # noqa: T201 - its purpose
    house.close()
    print(f"\n{problems} problem{'' if problems == 1 else 's'}." if problems else "\nAll is well.")  # noqa: T201
    return 1 if problems else 0


def _home(house: House) -> Findings:
    folder = house.home.folder
    try:
        house.home.make()
    except ConfigurationError as error:
        yield f"✗ home: {error}"
        return
    free = shutil.disk_usage(folder).free
    if not os.access(folder, os.W_OK):
        yield f"✗ home: {folder} cannot be written to. Set BUTLER_HOME to another folder, or mend its rights."
    elif free < LEAST_SPACE:
        yield f"✗ home: only {free // 2**20} MB are free where {folder} lies. Make room."
    else:
        yield f"✓ home: {folder}, {free // 2**30} GB free"


def _database(house: House) -> Findings:
    try:
        house.stores.prepare([])
        with house.stores.house.write() as tx:
            tx.execute(text("SELECT 1"))
    except ConfigurationError as error:
        yield f"✗ database: {error}"
    except (SQLAlchemyError, OSError) as error:
        yield f"✗ database: {house.stores.places} cannot be used: {error}. Restore it from a backup, or move it away."
    else:
        yield f"✓ database: {house.stores.places}"


def _embedded() -> str:
    try:
        runs = subprocess.run([valkey.program(), "--version"], capture_output=True, check=False).returncode == 0  # noqa: S603
    except (ConfigurationError, OSError):
        runs = False
    if runs:
        return "✓ queue: the embedded Valkey; the house is not running"
    return "✗ queue: the embedded Valkey does not run on this machine. Install Valkey or Redis and set REDIS_URL."


def _queue(house: House) -> Findings:
    if house.settings.redis_url is None and not is_held(house.home.lock("house")):
        yield _embedded()
        return
    try:
        house.redis.ping()
        yield f"✓ queue: {house.redis_url}"
    except RedisError as error:
        yield f"✗ queue: {house.redis_url} does not answer: {error}. Start that server, or unset REDIS_URL."


def _household(house: House) -> Findings:
    settings = house.settings
    try:
        household = read_household(settings.household, settings.default_butler)
    except ConfigurationError as error:
        for line in str(error).splitlines():
            yield f"✗ household: {line}"
        return
    for butler in household.butlers.values():
        try:
            store = house.stores.of(butler.name)
        except StoreAway:
            return  # said above
        except ConfigurationError as error:
            yield f"✗ butler {butler.name}: {error}"
            continue
        yield f"✓ butler {butler.name}"
        _, faults = modules.load(butler, store)
        for problem in (*shortcomings(butler, modules.missing(butler)), *faults):
            yield f"✗ butler {butler.name}: {problem.removeprefix('⚠ ')}"
    for fault in household.faults:
        yield f"✗ household: {fault}"
    yield from _switchboard(house, household)


def _switchboard(house: House, household: Household) -> Findings:
    butlers = household.butlers.values()
    examples, routes = (
        sum(len(part) for part in parts) for parts in zip(*((b.examples, b.routes) for b in butlers), strict=True)
    )
    try:
        with house.stores.house.read() as tx:
            taught, gone = corrections.state(tx).number, corrections.gone(tx, household.butlers)
    except (SQLAlchemyError, StoreAway):
        return  # said above
    yield f"✓ switchboard: {examples} examples, {routes} routes, {taught} messages that were set right"
    for name, number in gone.items():
        yield (
            f"✗ switchboard: {number} messages were set right for {name}, who is no butler of this household any more, so that "
            f"they teach nothing. Bring {name} back, or set such messages right by /butler NAME."
        )


def _chats(house: House) -> Findings:
    settings = house.settings
    if not settings.chats_set_up:
        yield "✓ chats: none is set up; `butler up` opens the terminal chat"
        return
    if not any(settings.chats[form.channel].allowed for form in settings.chats_set_up):
        yield f"✗ chats: nobody may speak to the house: {settings.chats_set_up[0].how}."
    for form in forms():
        chat = settings.chats[form.channel]
        if chat.is_set_up:
            yield from _chat(form, chat)
        elif chat.secrets:
            yield f"✗ {form.channel}: it is set up only in part: {form.how}."


def _chat(form: ChatForm, settings: ChatSettings) -> Findings:
    try:
        name, shortcomings = asyncio.run(_introduce(form, settings))
        yield f"✓ {form.channel}: {name}"
        yield from (f"✗ {form.channel}: {shortcoming}" for shortcoming in shortcomings)
    except ConfigurationError as error:
        yield f"✗ {form.channel}: {error}"
    except ConnectionError as error:
        yield (
            f"✗ {form.channel}: {settings.address} cannot be reached: {error}. Check the network or "
            f"{form.channel.upper()}_API_URL."
        )


async def _introduce(form: ChatForm, settings: ChatSettings) -> tuple[str, Sequence[str]]:
    service = form.open(settings)
    try:
        return await service.introduce(), service.shortcomings
    finally:
        await service.close()


def _keys(house: House) -> Findings:
    purse = house.purse
    try:
        house.treasury  # noqa: B018 - reads the providers, the keys and the models
    except ConfigurationError as error:
        yield from (line if line.startswith(" ") else f"✗ keys: {line}" for line in str(error).splitlines())
        return
    path = house.settings.keys_path
    if path is not None and path.stat().st_mode & 0o077:
        yield f"✗ keys: others on this machine can read {path}. Mend it with `chmod 600 {path}`."
    if purse.is_rehearsing:
        yield "✓ keys: none, so that the rehearsal model answers; set ANTHROPIC_API_KEY to have Claude answer"
        return
    for tier in THINKING:
        model = house.treasury.expected_model(tier)
        wanted = purse.providers.chosen.get(tier, model)
        if wanted == model:
            yield f"✓ model for {tier}: {model}"
        else:
            yield f"✗ model for {tier}: {wanted} is set, and no key is of a provider that has it, so that {model} answers."
    for key in purse.keys:
        yield _key(house, key)


def _key(house: House, key: Key) -> str:
    model = house.purse.providers.nearest_model(key.provider, Tier.SMART)
    if model is None:
        return f"✗ key {key.id}: providers.toml names no model of {key.provider}. Name one as its smart, balanced or fast."
    try:
        house.purse.model(key.provider).check(Route(provider=key.provider, key_id=key.id, model=model))
    except ModelError as error:
        name = key.provider.upper()
        return f"✗ key {key.id} does not work: {error}. Check {name}_API_KEY or BUTLER_KEYS_PATH, and {name}_BASE_URL."
    return f"✓ key {key.id}"


def _ledger(house: House) -> Findings:
    try:
        with house.stores.house.read() as tx:
            found = imbalances(tx)
    except SQLAlchemyError:
        return  # said above
    yield from (f"✗ ledger: {one}. Please report this: what was spent is known from the ledger." for one in found)
    if not found:
        yield "✓ ledger: it balances"


def _addresses(house: House) -> list[str]:
    """Return where the models of this house are."""
    try:
        names = dict.fromkeys(key.provider for key in house.purse.keys)
        return [url for name in names if (url := house.purse.providers[name].url)]
    except ConfigurationError:
        return []  # said above


def _clock(house: House) -> Findings:
    settings = house.settings
    addresses = _addresses(house)
    addresses += [settings.chats[form.channel].address for form in settings.chats_set_up]
    for address in addresses:
        try:
            date = httpx.head(address, timeout=SECONDS).headers.get("date")
        except httpx.HTTPError:
            continue  # said above
        drift = abs(utc_now() - parsedate_to_datetime(date)) if date else timedelta(0)
        if drift > MOST_DRIFT:
            yield f"✗ clock: this machine's clock is {drift} off. Switch on its time service (timedatectl set-ntp true)."
            return
    yield f"✓ clock: {utc_now().astimezone(settings.zone):%Y-%m-%d %H:%M} in {settings.timezone}"
