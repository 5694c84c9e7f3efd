"""Pictures, brought to the form and size in which models see them best, with nothing in them but what they show."""

import struct
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError
from pillow_heif import register_heif_opener

from bot.converting.results import Converted, Picture, Unreadable

LONGEST_SIDE = 1568  # more pixels cost time and show a model no more
MOST_PIXELS = 100_000_000
LARGEST_PNG = 700_000  # bytes; a larger one is a photograph
SLIM = 2.5  # times as long as broad: such a picture, as of a long page, is cut into several
MOST_CUTS = 5
QUALITY = 87
FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "ICO", "HEIF", "AVIF")


def read_picture(content: bytes) -> Converted:
    """Write a picture as models take it. Raises Unreadable."""
    Image.init()
    register_heif_opener()
    Image.MAX_IMAGE_PIXELS = MOST_PIXELS // 2  # Pillow refuses twice as many
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as opened:
            frames = getattr(opened, "n_frames", 1)
            opened.draft("RGB", (2 * LONGEST_SIDE, 2 * LONGEST_SIDE))  # a JPEG need not be unpacked whole
            shown = _upright(opened)
            media_type = Image.MIME.get(opened.format or "", "")
    except Image.DecompressionBombError:
        raise Unreadable("is larger than I can open. Please send a smaller copy, or the part that matters.") from None
    except UnidentifiedImageError:
        raise Unreadable("is no picture that I can open. Please send it as PNG or JPEG.") from None
    except (OSError, SyntaxError, ValueError, EOFError, LookupError, ArithmeticError, struct.error) as error:
        raise Unreadable(f"is damaged, or was not sent whole. Please send it again. ({str(error)[:80]})") from error
    note = f"It has {frames} pictures one after the other; this is the first." if frames > 1 else ""
    return Converted(media_type=media_type, pictures=write(_cuts(shown)), note=note)


def write(pictures: "Sequence[Image.Image]", first: int = 1) -> tuple[Picture, ...]:
    """Write pictures into the working folder."""
    return tuple(_write(picture, f"picture-{number}") for number, picture in enumerate(pictures, start=first))


def _upright(opened: Image.Image) -> Image.Image:
    """Return a picture as it is meant to be seen, without what else its file says: where it was taken, by which camera."""
    turned = ImageOps.exif_transpose(opened)
    if turned.mode in ("RGBA", "LA", "PA") or "transparency" in turned.info:
        turned = turned.convert("RGBA")
        page = Image.new("RGB", turned.size, "white")
        page.paste(turned, mask=turned.getchannel("A"))
        return page
    return turned.convert("RGB")


def _cuts(picture: Image.Image) -> list[Image.Image]:
    """Cut a slim picture, which would be unreadable when it is made as small as the others, into several."""
    long, short = max(picture.size), min(picture.size)
    if long <= LONGEST_SIDE or long < SLIM * short:
        return [picture]
    count = min(MOST_CUTS, -(-long // max(LONGEST_SIDE, short)))
    return list(_pieces(picture, count))


def _pieces(picture: Image.Image, count: int) -> Iterator[Image.Image]:
    width, height = picture.size
    for number in range(count):
        start, end = number / count, (number + 1) / count
        if height >= width:
            yield picture.crop((0, int(height * start), width, int(height * end)))
        else:
            yield picture.crop((int(width * start), 0, int(width * end), height))


def _write(picture: Image.Image, name: str) -> Picture:
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    clean = Image.new("RGB", picture.size)
    clean.paste(picture)
    buffer = BytesIO()
    clean.save(buffer, "PNG", optimize=False)
    media_type = "image/png"
    if buffer.tell() > LARGEST_PNG:
        buffer = BytesIO()
        clean.save(buffer, "JPEG", quality=QUALITY)
        media_type = "image/jpeg"
    Path(name).write_bytes(buffer.getvalue())
    return Picture(file=name, media_type=media_type, width=clean.width, height=clean.height)
