"""The paths of processes and jobs in the OpenAPI document."""

from collections.abc import Iterable
from typing import Any

from api.declared_processes import all_processes
from api.documents import HTML, JSON
from api.executions import schema
from api.process import Process
from layers import Layer
from layers.declaration import Language

STRING = {"type": "string"}
LANG, FORM = {"$ref": "#/components/parameters/lang"}, {"$ref": "#/components/parameters/f"}
JOB = {"name": "jobId", "in": "path", "required": True, "schema": STRING | {"format": "uuid"}}
PREFER = {
    "name": "Prefer",
    "in": "header",
    "required": False,
    "schema": STRING,
    "description": "`respond-async`: the answer is a job",
}
AFTER = "The last process of the page before; taken from its `next` link"
REFUSALS = (400, 401, 404, 429, 503)


def process_paths(layers: Iterable[Layer], srid: int, language: Language) -> dict[str, Any]:
    """The list of processes, each of them, and the jobs."""
    seen = {layer.name: layer for layer in layers}
    limit = {"$ref": "#/components/parameters/limit"}
    names = STRING | {"enum": list(all_processes())}
    after = {"name": "after", "in": "query", "required": False, "schema": names, "description": AFTER}
    paths = {
        "/processes": {
            "get": _operation("processes", "The processes", _both("processes"), [FORM, LANG, limit, after])
        },
        "/jobs": {"get": _operation("jobs", "Your jobs", _both("jobs"), [FORM, LANG, limit])},
        "/jobs/{jobId}": {
            "get": _operation("job", "How a job is going", _both("job"), [JOB, FORM, LANG]),
            "delete": _operation("dismissJob", "End a job", _both("job"), [JOB, FORM, LANG]),
        },
        "/jobs/{jobId}/results": {"get": _results()},
        "/jobs/{jobId}/results/{file}": {"get": _file()},
    }
    for process in all_processes().values():
        name, title = process.name, process.title[language]
        about = _operation(f"{name}Process", title, _both("process"), [FORM, LANG])
        paths[f"/processes/{name}"] = {"get": about}
        body = schema(process, seen, srid)
        paths[f"/processes/{name}/execution"] = {"post": _execution(process, title, body)}
    return paths


def _execution(process: Process, title: str, body: dict[str, Any]) -> dict[str, Any]:
    asked = _operation(f"{process.name}Execution", title, _files([process]), [PREFER, LANG])
    job = {"description": "The job", "content": _document(JSON, "job")}
    there = {"Location": {"schema": STRING, "description": "The address of the job"}}
    asked["responses"] |= {"201": job | {"headers": there}, "204": _by_reference()} | _refusals(410)
    return asked | {"requestBody": {"required": True, "content": {JSON: {"schema": body}}}}


def _results() -> dict[str, Any]:
    given = _operation("jobResults", "What a job has made", _files(all_processes().values()), [JOB, LANG])
    given["responses"] |= {"204": _by_reference()} | _refusals(410, 500)
    return given


def _file() -> dict[str, Any]:
    file = {"name": "file", "in": "path", "required": True, "schema": STRING}
    given = _operation(
        "jobFile", "The file that a job has made", _files(all_processes().values()), [JOB, file]
    )
    given["responses"] |= _refusals(410)
    return given


def _by_reference() -> dict[str, Any]:
    return {"description": "Where the file is", "headers": {"Link": {"schema": STRING}}}


def _files(processes: Iterable[Process]) -> dict[str, Any]:
    binary = {"schema": STRING | {"format": "binary"}}
    types = {type_ for process in processes for type_ in process.media_types}
    return dict.fromkeys(sorted(types), binary) | _document(JSON, "any")


def _operation(name: str, says: str, content: dict[str, Any], parameters: list[Any]) -> dict[str, Any]:
    return {
        "operationId": name,
        "summary": says,
        "parameters": parameters,
        "responses": {"200": {"description": says, "content": content}} | _refusals(*REFUSALS),
    }


def _refusals(*statuses: int) -> dict[str, Any]:
    return {str(status): {"$ref": "#/components/responses/problem"} for status in statuses}


def _both(shape: str) -> dict[str, Any]:
    return _document(JSON, shape) | _document(HTML, "page")


def _document(type_: str, shape: str) -> dict[str, Any]:
    return {type_: {"schema": {"$ref": f"#/components/schemas/{shape}"}}}
