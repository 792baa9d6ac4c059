"""``/collections/{layer}/export.{ending}``: files to take home."""

import tempfile
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path
from typing import BinaryIO

import anyio
from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse

from api import callers
from api.asking import NARROWING, Asked, asked, refuse_unknown
from api.exports import Export, format_of, write
from api.features import layer_names
from api.filters import TIME_NAMES
from api.heads import heads
from api.kept import shelf, state
from layers import Layer
from mesip.settings import settings

PART_BYTES = 1 << 16
# So many files are made at once by a worker; who comes then waits, and holds nothing while they wait.
MOST_AT_ONCE = 2


async def export(request: Request) -> Response:
    """The whole layer, kept until it changes, or the features that the parameters narrow it to."""
    of, ending = callers.collection(request), request.path_params["ending"]
    layer, form = of.layer, format_of(ending)
    refuse_unknown(request.query_params, ("lang", *NARROWING, *layer_names(layer), *TIME_NAMES))
    wish = asked(request.query_params, layer, settings().srid, of.dated)
    wanted = await run_sync(_export, request, layer, wish)
    named = {"Content-Disposition": f'attachment; filename="{layer.name}.{ending}"'}
    if wish.narrowed:
        file = await run_sync(_narrowed, wanted, ending, limiter=_turns())
        return StreamingResponse(_parts(file), headers=named, media_type=form.media_type)
    tag = f'"{state(wanted.reader, layer, wanted.head)}-{wanted.language}"'
    kept = {"ETag": tag, "Cache-Control": "public, no-cache", "Vary": "Accept-Language"}
    request.state.rows = wanted.head.rows if wanted.head else 0
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=kept)
    path = await _whole(wanted, ending, tag.strip('"'))
    given = FileResponse(path, headers=named | kept, media_type=form.media_type, stat_result=path.stat())
    # It would tell when somebody asked last.
    del given.headers["last-modified"]
    return given


@cache
def _turns() -> anyio.CapacityLimiter:
    return anyio.CapacityLimiter(MOST_AT_ONCE)


async def _whole(wanted: Export, ending: str, tag: str) -> Path:
    name = f"{wanted.reader.level}/{wanted.layer.name}/{tag}/{wanted.layer.name}.{ending}"
    kept = shelf()
    found = kept.found(name)
    return found or await run_sync(kept.kept, name, partial(_write, wanted, ending), limiter=_turns())


def _export(request: Request, layer: Layer, wish: Asked) -> Export:
    reader, language = callers.reader(request), callers.language(request)
    return Export(reader, layer, heads(reader).get(layer.name), settings().srid, language, wish)


def _write(wanted: Export, ending: str, path: Path) -> None:
    write(wanted, path, ending)


def _narrowed(wanted: Export, ending: str) -> BinaryIO:
    """A file that is gone when it is closed."""
    with tempfile.TemporaryDirectory(prefix="mesip-export-") as folder:
        write(wanted, path := Path(folder) / f"{wanted.layer.name}.{ending}", ending)
        return path.open("rb")


def _parts(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while part := file.read(PART_BYTES):
            yield part
