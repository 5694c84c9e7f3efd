"""`butler move-store`: a house that lies in files moves to a PostgreSQL server, and goes on there as if nothing were."""

from contextlib import closing

from sqlalchemy import Connection, make_url

from bot.archive.reading import Archive
from bot.errors import ConfigurationError
from bot.settings import Settings, database_address
from bot.treasury.audit import imbalances
from workers.backup import contents, write
from workers.foundation import utc_now
from workers.home import Home
from workers.occupancy import alone, refuse_what_moved
from workers.places import Server
from workers.restore import look_at
from workers.server_arrival import OnServer
from workers.stores import Stores


def move_store(settings: Settings, url: str | None) -> int:
    """Move the house from its files to a server. Raises ConfigurationError."""
    server = Server(_target(settings, url))
    home = Home(settings.home)
    home.make()
    path = home.folder / "moving.zip"
    with alone(home, "a house is moved while nobody writes"), closing(Stores(home)) as stores:
        refuse_what_moved(home)
        path.unlink(missing_ok=True)  # of a move that was cut off
        try:
            write(stores, path)
            with stores.house.read() as tx:
                before = imbalances(tx)
            with Archive(path) as archive:
                look_at(archive)
                arrival = OnServer(server)
                arrival.refuse(archive)
                arrival.fill(archive, lambda tx: _compare(tx, before))
        finally:
            path.unlink(missing_ok=True)
        home.moved.write_text(f"{server} on {utc_now().astimezone(settings.zone):%Y-%m-%d}\n", encoding="utf-8")
    shown = make_url(server.house).render_as_string()
    print(  # noqa: T201 - its purpose
        f"{server} holds the house now: {contents(archive.manifest)}.\n"
        f"Set DATABASE_URL={shown} in .env, and start it. The files in {home.folder} are as they were, and no house starts "
        f"from them any more, unless you delete {home.moved}."
    )
    return 0


def _target(settings: Settings, url: str | None) -> str:
    found = url or settings.database_url
    if found is None:
        raise ConfigurationError(
            "Say where to, such as `butler move-store postgresql+psycopg://user@host/butlers`, or set DATABASE_URL."
        )
    try:
        return database_address(found)
    except ValueError as error:
        raise ConfigurationError(f"{error}.") from None


def _compare(tx: Connection, before: list[str]) -> None:
    """Raise ConfigurationError if the books of the house are not what they were; the rows of each table were counted."""
    if imbalances(tx) != before:
        raise ConfigurationError("The books would not balance as they did. Nothing was moved; please report this.")
