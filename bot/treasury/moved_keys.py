"""Keys that stand in another place now: what the books know of them follows them, since the key itself decides."""

from collections.abc import Mapping

from sqlalchemy import Connection, case, delete, func, insert, select, update

from bot.store.treasury_tables import budgets, reservations, rests, sessions
from bot.treasury.rests import key_subject


def follow(tx: Connection, moved: Mapping[str, str], marks: Mapping[str, str]) -> None:
    """Let everything of keys be theirs under their new ids; `moved` are old ids with new ones, `marks` their fingerprints."""
    resting = tx.execute(select(rests).where(rests.c.subject.in_(map(key_subject, moved)))).all()
    tx.execute(delete(rests).where(rests.c.subject.in_([key_subject(one) for pair in moved.items() for one in pair])))
    subjects = {key_subject(old): key_subject(new) for old, new in moved.items()}
    if resting:
        tx.execute(insert(rests), [{**row._mapping, "subject": subjects[row.subject]} for row in resting])  # noqa: SLF001 - public
    holding = case(moved, value=sessions.c.key_id, else_=sessions.c.key_id)
    tx.execute(update(sessions).where(sessions.c.key_id.in_(moved)).values(key_id=holding))
    for old, new in moved.items():  # the mark tells two keys apart that exchange their places
        before, after = f"key:{old}:{marks[old]}", f"key:{new}:{marks[old]}"
        tx.execute(update(budgets).where(budgets.c.scope == before).values(scope=after))
        held = reservations.c.scopes.contains(f"\n{before}\n")
        scopes = func.replace(reservations.c.scopes, f"\n{before}\n", f"\n{after}\n")
        tx.execute(update(reservations).where(held).values(scopes=scopes, key_id=new))
