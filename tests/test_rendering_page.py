"""The page about rendering shows what the code does."""

from tests.rendering_page import PAGE, page


def test_the_page_is_what_the_chats_are_sent() -> None:
    """`docs/rendering.md` is exactly what `python -m tests.rendering_page` prints."""
    assert PAGE.read_text(encoding="utf-8") == page()
