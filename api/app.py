"""The application: which address is answered by what."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from api import answers, catalogue_answers, downloads, feature_answers, problems, process_answers
from api.auditing import Audit
from api.configuration import HERE
from api.exports import FORMATS
from api.gate import Gate
from api.reading import close_readers
from api.workers import Workers
from mesip.errors import NotFoundError, PlatformError
from mesip.settings import settings

BUILT = HERE / "web" / "dist"
FILES = StaticFiles(directory=BUILT, check_dir=False)
GZIP_FROM_BYTES, GZIP_LEVEL = 1024, 1
LAYER, CATALOGUE = "/collections/{layer}", "/collections/catalogue"
TILES = f"{LAYER}/tiles/WebMercatorQuad"


def application() -> Starlette:
    """The application of one process."""
    logging.getLogger("pygeoapi").setLevel(logging.CRITICAL)
    audit, workers = Audit(), Workers()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        app.state.workers = workers
        audit.begin()
        workers.begin()
        yield
        await run_in_threadpool(workers.end)
        await run_in_threadpool(audit.end)
        close_readers()

    return Starlette(
        routes=[
            Route("/", answers.landing),
            Route("/conformance", answers.conformance),
            Route("/collections", answers.collections),
            Route(CATALOGUE, catalogue_answers.catalogue),
            Route(f"{CATALOGUE}/items", catalogue_answers.items),
            Route(f"{CATALOGUE}/items/{{id}}", catalogue_answers.item),
            Route(LAYER, answers.collection),
            Route(f"{LAYER}/schema", answers.schema),
            Route(f"{LAYER}/queryables", answers.queryables),
            Route(f"{LAYER}/sortables", answers.sortables),
            Route(f"{LAYER}/items", feature_answers.items),
            Route(f"{LAYER}/items/{{id:path}}/versions", feature_answers.time_map),
            Route(f"{LAYER}/items/{{id:path}}", feature_answers.feature),
            Route(f"{LAYER}/export.{{ending}}", downloads.export),
            Route(f"{LAYER}/tiles", answers.tilesets),
            Route(TILES, answers.tileset),
            Route(f"{TILES}/metadata", answers.tilejson),
            Route(f"{TILES}/{{z}}/{{y}}/{{x}}", answers.vector_tile),
            Route("/tileMatrixSets", answers.tile_schemes),
            Route("/tileMatrixSets/WebMercatorQuad", answers.tile_scheme),
            Route("/processes", process_answers.processes),
            Route("/processes/{process}", process_answers.process),
            Route("/processes/{process}/execution", process_answers.execute, methods=["POST"]),
            Route("/jobs", process_answers.job_list),
            Route("/jobs/{job}", process_answers.job, methods=["GET", "DELETE"]),
            Route("/jobs/{job}/results", process_answers.job_results),
            Route("/jobs/{job}/results/{file}", process_answers.job_file),
            Route("/search", answers.found),
            Route("/openapi", answers.definition),
            Route("/health", answers.health),
            Route("/health/live", answers.alive),
            Route("/metrics", answers.node_metrics),
            Route("/map/layers.json", answers.map_layers),
            Route("/map", map_page),
            Route("/docs", docs_page),
            Mount("/map", routes=[Route("/{path:path}", built_file)]),
        ],
        middleware=[
            # Outermost, so that scripts of other sites can read why they were not let in.
            Middleware(
                CORSMiddleware,
                allow_origins=["*"],
                allow_methods=["GET", "POST", "DELETE"],
                allow_headers=["Authorization", "Content-Type", "Prefer"],
                expose_headers=[
                    *("Content-Crs", "ETag", "Link", "Location", "Memento-Datetime", "Preference-Applied"),
                    "Retry-After",
                ],
            ),
            Middleware(Gate, settings=settings(), audit=audit),
            Middleware(
                GZipMiddleware,
                minimum_size=GZIP_FROM_BYTES,
                compresslevel=GZIP_LEVEL,
                # Files are compressed in themselves, and read in parts.
                exclude_content_types=tuple(form.media_type for form in FORMATS.values()),
            ),
        ],
        exception_handlers={
            PlatformError: problems.of_ours,
            HTTPException: problems.of_http,
        },
        lifespan=lifespan,
    )


def map_page(_: Request) -> Response:
    """``/map``"""
    return _built("index.html")


def docs_page(_: Request) -> Response:
    """``/docs``"""
    return _built("docs.html")


async def built_file(request: Request) -> Response:
    """``/map/…``: what Vite built. A name with a hash in it never changes what it holds."""
    path = request.path_params["path"]
    response = await FILES.get_response(path, request.scope)
    response.headers["Cache-Control"] = (
        "public, max-age=31536000, immutable" if path.startswith("assets/") else "no-cache"
    )
    return response


def _built(name: str) -> Response:
    if not (BUILT / name).exists():
        raise NotFoundError("The web page is not built yet. Run `make web`.")
    return FileResponse(BUILT / name, headers={"Cache-Control": "no-cache"})
