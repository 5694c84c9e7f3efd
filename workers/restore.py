"""`butler restore`: a house from its back-up, where there is none yet."""

import logging
from pathlib import Path

from bot.archive import loading
from bot.archive.reading import Archive
from bot.awakening import Awakening
from bot.errors import ConfigurationError
from bot.settings import Settings
from workers.arrival import Arrival, InFiles, histories
from workers.backup import contents, in_words
from workers.foundation import utc_now
from workers.house import House
from workers.occupancy import alone
from workers.places import Server
from workers.server_arrival import OnServer

log = logging.getLogger(__name__)


def restore(settings: Settings, file: str) -> int:
    """Fill an empty home, or an empty database on a server, from an archive. Raises ConfigurationError."""
    house = House(settings)
    log.debug("%s keys", len(house.treasury.keys))  # what is wrong with the settings is said before anything is done
    with Archive(Path(file).expanduser()) as archive:
        look_at(archive)
        house.home.make()
        with alone(house.home, "a restore fills an empty home only"):
            url = settings.database_url
            arrival: Arrival = InFiles(house.home) if url is None else OnServer(Server(url))
            arrival.refuse(archive)
            awakening = Awakening(house.gate, house.treasury)
            arrival.fill(archive, lambda tx: awakening.wake(tx, archive.manifest.made_at, utc_now()))
    said = archive.manifest
    print(  # noqa: T201 - its purpose
        f"{house.home.folder if url is None else house.stores.places} holds the house as it was on "
        f"{in_words(said.made_at, settings)}: {contents(said)}.\n"
        "What was under way then may have been done since, so it is set aside and nothing is done twice; owners are told when "
        "the house starts. `butler check` looks whether settings, keys and household are in place; then start it."
    )
    return 0


def look_at(archive: Archive) -> None:
    """Read all of an archive. Raises ConfigurationError when it is not whole, or cannot be taken in here."""
    archive.check()
    for one in archive.manifest.databases:
        if why_not := loading.why_not(one, histories(one)):
            raise ConfigurationError(f"{archive.path} cannot be restored here: {why_not}. Nothing was changed.")
