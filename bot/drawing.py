"""`python -m bot.drawing`: reads what is to be drawn as JSON and writes it as PNG, in a process that ends with it.

Who draws is imported here only, since it costs more than the bot itself: see bot/pictures.py.
"""

import signal
import sys

from pydantic import TypeAdapter

from bot.charts import Chart
from bot.enclosures import Drawing

GIVES_UP_AFTER = 30  # seconds: whoever asked no longer waits, or is dead
_DRAWING: TypeAdapter[Drawing] = TypeAdapter(Drawing)


def picture(drawing: Drawing) -> bytes:
    """Draw it and return it as PNG, the same for the same value."""
    if isinstance(drawing, Chart):
        from bot.drawn_charts import picture as drawn  # noqa: PLC0415 - matplotlib costs half a second

        return drawn(drawing)
    from bot.drawn_tables import picture as drawn_table  # noqa: PLC0415 - each needs what the other does not

    return drawn_table(drawing)


def main() -> None:
    """Read what is to be drawn, and write its picture."""
    signal.alarm(GIVES_UP_AFTER)
    sys.stdout.buffer.write(picture(_DRAWING.validate_json(sys.stdin.buffer.read())))


if __name__ == "__main__":
    main()
