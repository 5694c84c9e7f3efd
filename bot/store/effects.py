"""Doing a thing once in a butler's own store, however often a crash makes the call come."""

from collections.abc import Callable, Sequence

from sqlalchemy import Column, Connection, MetaData, String, Table, Text, bindparam, insert, select, update

from bot.store.database import Database

effects = Table("effects", MetaData(), Column("key", String, primary_key=True), Column("result", Text, nullable=False))


def once(store: Database, key: str, effect: Callable[[Connection], str]) -> str:
    """Do something under a call's key and return its result, or the first result when the key was used before."""
    with store.write() as tx:
        done = tx.scalar(select(effects.c.result).where(effects.c.key == key))
        if done is not None:
            return str(done)
        result = effect(tx)
        tx.execute(insert(effects).values(key=key, result=result))
        return result


def blank_where(tx: Connection, says: Callable[[str], bool]) -> None:
    """Forget what those effects gave that say something."""
    blank(tx, [row.key for row in tx.execute(select(effects).where(effects.c.result != "")) if says(row.result)])


def blank(tx: Connection, keys: Sequence[str]) -> None:
    """Forget what effects gave, but not that they were had."""
    if keys:
        tx.execute(update(effects).where(effects.c.key == bindparam("done")).values(result=""), [{"done": key} for key in keys])
