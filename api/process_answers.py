"""What the addresses of processes and jobs answer."""

import asyncio
import base64
import hashlib
import time
from pathlib import Path
from uuid import UUID

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, Response

from api import callers, jobs, problems, process_documents, results
from api.asking import MAX_LIMIT, refuse_unknown, with_parameters
from api.declared_processes import all_processes, get_process
from api.executions import MOST_BYTES, OUTPUT, execution, read, write
from api.jobs import Caller, Job
from api.mementos import as_header
from api.process_documents import file_address
from api.values import page_size
from mesip.errors import NoSuchJobError, ResultGoneError, ResultNotReadyError, TooLongError, UsageError
from mesip.settings import settings

USUAL = 100
# So long an answer may be waited for; who has more patience asks for it to be told later.
SYNC_SECONDS = 60
FIRST_PAUSE, LONGEST_PAUSE = 0.02, 0.5
# A larger file is given by its address even where its bytes in JSON are wanted.
MOST_INLINE = 20_000_000
NOT_KEPT = {"Cache-Control": "no-store"}


async def processes(request: Request) -> Response:
    """``/processes``"""
    url, query, language = callers.url(request), request.query_params, callers.language(request)
    refuse_unknown(query, (*callers.PAGE_PARAMETERS, "limit", "after"))
    limit = page_size(query.get("limit"), USUAL, MAX_LIMIT)
    if (after := query.get("after", "")) and after not in all_processes():
        raise UsageError("after is the last process of a page. Follow its `next` link instead of writing it.")
    rest = [each for each in all_processes().values() if each.name > after]
    here = f"{url}/processes"
    following = with_parameters(here, query, after=rest[limit - 1].name) if len(rest) > limit else None
    own = with_parameters(here, query)
    stated = process_documents.process_list(rest[:limit], url, own, following, language)
    if callers.wants_html(request):
        return await callers.rendered(request, "processes/index.html", stated)
    return callers.json(request, stated)


async def process(request: Request) -> Response:
    """``/processes/{process}``"""
    declared = get_process(request.path_params["process"])
    described = (declared, callers.reader(request).layers, settings().srid, callers.url(request))
    if callers.for_people(request):
        stated = process_documents.description(*described, callers.language(request))
        return await callers.rendered(request, "processes/process.html", stated)
    return callers.json(request, process_documents.description(*described, callers.language(request)))


async def execute(request: Request) -> Response:
    """``/processes/{process}/execution``"""
    declared = get_process(request.path_params["process"])
    refuse_unknown(request.query_params, ("lang",))
    reader, body, language = callers.reader(request), await _body(request), callers.language(request)
    # What was asked is in the body, so the audit is told of it beside the address.
    request.state.asked = body.decode("utf-8", "replace")
    asked = await run_in_threadpool(execution, body, declared, reader.layers, settings().srid)
    caller = _caller(request)
    wanted = (reader, caller, declared.name, write(asked), language)
    job = await run_in_threadpool(jobs.submit, *wanted)
    request.app.state.workers.call()
    url = callers.url(request)
    if _asynchronous(request):
        there = {"Location": f"{url}/jobs/{job.id}", "Preference-Applied": "respond-async"}
        answer = callers.json(request, process_documents.status(job, url))
        answer.status_code = 201
        answer.headers.update(there | NOT_KEPT)
        return answer
    answer = await _results(request, await _ended(request, caller, job))
    monitor = f'<{url}/jobs/{job.id}>; rel="monitor"'
    answer.headers["Link"] = ", ".join(filter(None, (answer.headers.get("Link"), monitor)))
    return answer


async def job_list(request: Request) -> Response:
    """``/jobs``"""
    query = request.query_params
    refuse_unknown(query, (*callers.PAGE_PARAMETERS, "limit"))
    limit = page_size(query.get("limit"), USUAL, MAX_LIMIT)
    html, owner = callers.wants_html(request), _caller(request).owner
    found = await run_in_threadpool(jobs.jobs_of, callers.reader(request), owner, limit)
    url = callers.url(request)
    stated = process_documents.job_list(found, url, with_parameters(f"{url}/jobs", query))
    if html:
        return await callers.rendered(request, "jobs/index.html", stated | {"owned": owner is not None})
    return _not_kept(callers.json(request, stated))


async def job(request: Request) -> Response:
    """``/jobs/{job}``: how it is going; dismissed by DELETE."""
    html, found = callers.for_people(request), await _job(request)
    if request.method == "DELETE":
        owner = _caller(request).owner
        found = await run_in_threadpool(jobs.dismiss, callers.reader(request), owner, found.id)
        await run_in_threadpool(results.drop, found.id)
    stated = process_documents.status(found, callers.url(request))
    if html:
        return _not_kept(await callers.rendered(request, "jobs/job.html", stated))
    return _not_kept(callers.json(request, stated))


async def job_results(request: Request) -> Response:
    """``/jobs/{job}/results``: in the form that was asked for when the job was."""
    refuse_unknown(request.query_params, ("lang",))
    callers.language(request)
    return await _results(request, await _job(request))


async def job_file(request: Request) -> Response:
    """``/jobs/{job}/results/{file}``"""
    refuse_unknown(request.query_params, ())
    found = await _job(request)
    path = await run_in_threadpool(_kept, found)
    if path.name != request.path_params["file"]:
        raise ResultNotReadyError(f"The job {found.id} has made no such file; it made {path.name}.")
    return _file(found, path)


async def _body(request: Request) -> bytes:
    """The body of a request.

    Raises:
        UsageError: it is too long, or breaks off.
    """
    body = b""
    try:
        async for part in request.stream():
            body += part
            if len(body) > MOST_BYTES:
                raise UsageError(f"The request has more than {MOST_BYTES} bytes. Write it shorter.")
    except ClientDisconnect as cause:
        raise UsageError("The request broke off.") from cause
    return body


def _asynchronous(request: Request) -> bool:
    stated = ",".join(request.headers.getlist("prefer")).lower()
    return "respond-async" in [part.strip() for part in stated.replace(";", ",").split(",")]


def _caller(request: Request) -> Caller:
    """Who asks for jobs; a network is known by a hash that only this node, with its passwords, can make."""
    key, network = request.state.key, request.state.network
    if key is not None:
        return Caller(key.id, f"key {key.id}")
    secret = hashlib.sha256(callers.reader(request).connections.url.encode()).digest()
    return Caller(None, hashlib.blake2b(network.encode(), key=secret, digest_size=16).hexdigest())


async def _job(request: Request) -> Job:
    named = request.path_params["job"]
    try:
        id_ = UUID(named)
    except ValueError:
        id_ = None
    if id_ is None or str(id_) != named:
        raise NoSuchJobError(f"There is no job {named[:100]!r} of yours.")
    return await run_in_threadpool(jobs.job_of, callers.reader(request), _caller(request).owner, id_)


async def _ended(request: Request, caller: Caller, going: Job) -> Job:
    """The job when it has ended; one that nobody waits for any more is dismissed.

    Raises:
        TooLongError: it takes longer than an answer may be waited for.
    """
    reader, deadline, pause = callers.reader(request), time.monotonic() + SYNC_SECONDS, FIRST_PAUSE
    while not going.finished:
        if time.monotonic() > deadline or await request.is_disconnected():
            await run_in_threadpool(jobs.dismiss, reader, caller.owner, going.id)
            raise TooLongError(
                f"This takes longer than {SYNC_SECONDS} seconds. Ask for less, or send the header "
                "`Prefer: respond-async`."
            )
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE)
        going = await run_in_threadpool(jobs.job_of, reader, caller.owner, going.id)
    return going


async def _results(request: Request, found: Job) -> Response:
    if found.state == "failed":
        return problems.problem(request, found.fault or 500, found.message or "")
    path, asked = await run_in_threadpool(_kept, found), read(found.request)
    address = file_address(found, callers.url(request))
    referred = {"href": address, "type": found.media_type or "", "title": path.name}
    if asked.raw and asked.by_reference:
        return Response(status_code=204, headers={"Link": as_header([referred | {"rel": "item"}])} | NOT_KEPT)
    if asked.raw:
        return _file(found, path)
    if asked.by_reference or path.stat().st_size > MOST_INLINE:
        return _not_kept(callers.json(request, {OUTPUT: referred}))
    value = base64.b64encode(await run_in_threadpool(path.read_bytes)).decode()
    stated = {"value": value, "encoding": "base64", "mediaType": found.media_type}
    return _not_kept(callers.json(request, {OUTPUT: stated}))


def _kept(found: Job) -> Path:
    """The file that a job has made.

    Raises:
        ResultNotReadyError: the job goes on.
        ResultGoneError: the job was dismissed, or its file had to make room for others.
    """
    if not found.finished:
        raise ResultNotReadyError(f"The job {found.id} is {found.state}. Ask for its results when it ends.")
    if found.state != "successful":
        raise ResultGoneError(f"The job {found.id} is {found.state}, and has no results.")
    path = results.results().found(found.result or "")
    if path is None:
        raise ResultGoneError(f"The results of the job {found.id} had to make room for others. Run it again.")
    return path


def _file(found: Job, path: Path) -> Response:
    named = {"Content-Disposition": f'attachment; filename="{path.name}"', "ETag": f'"{found.id}"'}
    given = FileResponse(path, headers=named | NOT_KEPT, media_type=found.media_type, stat_result=path.stat())
    # It would tell when somebody asked last.
    del given.headers["last-modified"]
    return given


def _not_kept(answer: Response) -> Response:
    answer.headers.update(NOT_KEPT)
    return answer
