"""The documents of processes and jobs, as OGC API Processes writes them."""

from datetime import datetime
from typing import Any

from api.documents import HTML, JSON, REL, link
from api.executions import OUTPUT
from api.jobs import Job
from api.process import Input, Layers, Process
from layers.declaration import Language

CONTROL = ["sync-execute", "async-execute", "dismiss"]
TRANSMISSION = ["value", "reference"]
PROGRESS = {"accepted": 0, "successful": 100}


def process_list(
    shown: list[Process], url: str, here: str, following: str | None, language: Language
) -> dict:
    """The processes of one page; ``here`` is its address, ``following`` that of the next one."""
    links = [
        link("self", here, JSON, "This document"),
        link("alternate", f"{url}/processes?f=html", HTML, "This document as HTML"),
    ]
    if following:
        links.append(link("next", following, JSON, "Next page"))
    return {"processes": [summary(each, url, language) for each in shown], "links": links}


def summary(process: Process, url: str, language: Language) -> dict[str, Any]:
    """A process in a list."""
    here = f"{url}/processes/{process.name}"
    return {
        "id": process.name,
        "title": process.title[language],
        "description": process.about[language],
        "version": process.version,
        "jobControlOptions": CONTROL,
        "outputTransmission": TRANSMISSION,
        "links": [
            link("self", here, JSON, process.title[language]),
            link("alternate", f"{here}?f=html", HTML, process.title[language]),
        ],
    }


def description(process: Process, layers: Layers, srid: int, url: str, language: Language) -> dict[str, Any]:
    """A process whole: what can be asked of it, and what it gives."""
    inputs = process.inputs(layers, srid)
    files = [
        {"type": "string", "contentEncoding": "binary", "contentMediaType": type_}
        for type_ in process.media_types
    ]
    stated = summary(process, url, language)
    execution = f"{url}/processes/{process.name}/execution"
    stated["links"].append(link(f"{REL}execute", execution, JSON, "Run it: POST"))
    return stated | {
        "inputs": {name: _input(each, language) for name, each in inputs.items()},
        "outputs": {OUTPUT: {"title": process.output[language], "schema": {"oneOf": files}}},
        "example": {"inputs": process.example(layers)},
    }


def _input(stated: Input, language: Language) -> dict[str, Any]:
    about = {"description": stated.about[language]} if stated.about else {}
    occurs = {"minOccurs": int(stated.required), "maxOccurs": 1}
    return {"title": stated.title[language]} | about | {"schema": dict(stated.schema)} | occurs


def job_list(found: list[Job], url: str, here: str) -> dict[str, Any]:
    """The jobs of somebody."""
    links = [
        link("self", here, JSON, "This document"),
        link("alternate", f"{url}/jobs?f=html", HTML, "This document as HTML"),
    ]
    return {"jobs": [status(each, url) for each in found], "links": links}


def status(job: Job, url: str) -> dict[str, Any]:
    """How a job is going."""
    here = f"{url}/jobs/{job.id}"
    stated = {
        "processID": job.process,
        "type": "process",
        "jobID": str(job.id),
        "status": job.state,
        "message": job.message,
        "progress": PROGRESS.get(job.state),
        "created": _moment(job.created_at),
        "started": _moment(job.started_at),
        "finished": _moment(job.finished_at),
        "updated": _moment(job.updated_at),
        "links": [
            link("self", here, JSON, "This document"),
            link("alternate", f"{here}?f=html", HTML, "This document as HTML"),
            link("up", f"{url}/processes/{job.process}", JSON, "The process"),
        ],
    }
    if job.state == "successful":
        media_type = job.media_type or JSON
        stated["links"].append(link(f"{REL}results", f"{here}/results", JSON, "The results"))
        stated["links"].append(link("enclosure", file_address(job, url), media_type, "The file"))
    return {name: value for name, value in stated.items() if value is not None}


def file_address(job: Job, url: str) -> str:
    """Where the file of a job is."""
    return f"{url}/jobs/{job.id}/results/{(job.result or '').rpartition('/')[2]}"


def _moment(at: datetime | None) -> str | None:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z") if at else None
