"""What is wrong with a database, in sentences that say how to mend it."""

from sqlalchemy import URL, make_url
from sqlalchemy.exc import DBAPIError

from bot.errors import ConfigurationError

# What a server says of itself while it begins, ends or is full; whatever else it says is not mended by waiting.
_PASSES = ("starting up", "shutting down", "recovery", "not yet accepting", "too many", "remaining connection slots")
NO_RIGHT = "42501"
# Classes of a server's errors after which the same may go well later: connections, states of transactions, conflicts,
# resources, objects in use, interventions and the machine itself.
PASSING = ("08", "25", "40", "53", "55", "57", "58")
_CURES = {
    "password": "Correct the user or the password in DATABASE_URL",
    "role": "Make it on the server with CREATE ROLE … LOGIN PASSWORD '…', or correct DATABASE_URL",
    "database": "Make it on the server with CREATE DATABASE … OWNER …, or correct DATABASE_URL",
    "pg_hba.conf": "Let this machine in there",
}


class StoreAway(ConfigurationError):
    """A server of databases cannot be used at present; whoever needs it may wait."""


def fault(error: DBAPIError, url: str) -> ConfigurationError:
    """Return what kept somebody from using a database."""
    address = make_url(url)
    if address.get_backend_name() != "sqlite":
        return of_access(error, url) or ConfigurationError(f"The database {_name(address)} cannot be used: {said(error)}.")
    return ConfigurationError(
        f"The database {address.database} cannot be read: {said(error)}. If it is damaged, put a back-up in its place."
    )


def of_access(error: DBAPIError, url: str) -> ConfigurationError | None:
    """Return why somebody does not get at a database on a server, if that is what is wrong."""
    address, reason, state = make_url(url), said(error), getattr(error.orig, "sqlstate", None)
    if address.get_backend_name() == "sqlite":
        return None
    if state == NO_RIGHT:
        return ConfigurationError(
            f"The database {_name(address)} cannot be used: {reason}. Let an administrator run there ALTER DATABASE "
            f'"{address.database}" OWNER TO the role that DATABASE_URL names.'
        )
    if state is not None and not state.startswith(PASSING):
        return None
    if state is not None or "FATAL:" not in str(error.orig) or any(word in reason for word in _PASSES):
        return StoreAway(
            f"The database {_name(address)} cannot be reached: {reason}. Start its server, or correct DATABASE_URL."
        )
    cure = next((cure for word, cure in _CURES.items() if word in reason), "Correct DATABASE_URL")
    return ConfigurationError(f"The database {_name(address)} cannot be opened: {reason}. {cure}.")


def _name(url: URL) -> str:
    return f"{url.database} at {place(url)}"


def said(error: DBAPIError) -> str:
    """Return what the driver or the server said, in one line."""
    line = next(iter(str(error.orig).strip().splitlines()), "no reason was given")
    return line.rpartition("FATAL:")[2].rpartition(" failed: ")[2].strip().rstrip(".")


def place(url: URL) -> str:
    """Return where a server is."""
    host = url.host or url.query.get("host") or "this machine's socket"
    return f"{host}:{url.port}" if url.port else str(host)
