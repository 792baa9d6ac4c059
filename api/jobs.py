"""Jobs of processes: rows that a level reaches through functions only, with a lease while they run."""

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID, uuid4

from api.reading import Reader
from layers import Level
from layers.declaration import Language
from mesip.errors import BusyError, NoSuchJobError, TooManyJobsError

# Unfinished jobs of one caller, and of all callers of one level.
MOST_OF_CALLER, MOST = 10, 1000
# Finished jobs of one level that are remembered at once.
MOST_FINISHED = 100_000
WAIT_SECONDS = 10
MOST_ATTEMPTS = 3
LEASE_SECONDS = 10.0
FINISHED = ("successful", "failed", "dismissed")


class Caller(NamedTuple):
    """Who asks for jobs: the key that owns them, if there is one, and under which name they are counted."""

    owner: str | None
    counted: str


class Job(NamedTuple):
    """A job as its owner may know it. ``request`` is what was asked, as JSON."""

    id: UUID
    process: str
    request: str
    language: Language
    state: str
    created_at: datetime
    updated_at: datetime
    message: str | None = None
    fault: int | None = None
    result: str | None = None
    media_type: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None

    @property
    def finished(self) -> bool:
        """Whether it has ended, well or not."""
        return self.state in FINISHED


class Taken(NamedTuple):
    """A job that a worker holds: nobody else runs it, as long as the lease is kept."""

    level: Level
    id: UUID
    worker: UUID
    process: str
    request: str
    language: Language


class End(NamedTuple):
    """How a job ended: with the name and the type of a file, or with a sentence and a status of HTTP."""

    state: str
    message: str | None = None
    fault: int | None = None
    result: str | None = None
    media_type: str | None = None


def submit(reader: Reader, caller: Caller, process: str, request: str, language: Language) -> Job:
    """Have a process run.

    Raises:
        TooManyJobsError: the caller has as many unfinished jobs as anybody may have.
        BusyError: there are too many unfinished jobs.
    """
    asked = {"job": uuid4(), "owner": caller.owner, "caller": caller.counted, "process": process}
    asked |= {"request": request, "language": language, "most_of_caller": MOST_OF_CALLER, "most": MOST}
    given = ", ".join(f"%({name})s" for name in asked)
    ((told, at),) = reader.rows(f"SELECT * FROM submit_job({given})", asked)
    if told == "caller":
        raise TooManyJobsError(MOST_OF_CALLER, WAIT_SECONDS)
    if told != "accepted":
        raise BusyError("So many jobs wait that no more are taken on. Try again in a while.")
    return Job(asked["job"], process, request, language, "accepted", created_at=at, updated_at=at)


def job_of(reader: Reader, owner: str | None, id_: UUID) -> Job:
    """The job of this identifier, if it is the owner's.

    Raises:
        NoSuchJobError: it is not, or there is none.
    """
    found = reader.rows("SELECT * FROM job_of(%(job)s, %(owner)s)", {"job": id_, "owner": owner})
    if not found:
        raise NoSuchJobError(f"There is no job {id_} of yours. Jobs are forgotten some time after their end.")
    return Job(*found[0])


def jobs_of(reader: Reader, owner: str | None, limit: int) -> list[Job]:
    """The last jobs of an owner; those of nobody stand in no list."""
    query = "SELECT * FROM jobs_of(%(owner)s, %(limit)s)"
    return [Job(*row) for row in reader.rows(query, {"owner": owner, "limit": limit})]


def dismiss(reader: Reader, owner: str | None, id_: UUID) -> Job:
    """End a job, if it goes on, and forget its result.

    Raises:
        NoSuchJobError: there is none of this owner.
    """
    reader.rows("SELECT dismiss_job(%(job)s, %(owner)s)", {"job": id_, "owner": owner})
    return job_of(reader, owner, id_)


def take(reader: Reader) -> Taken | None:
    """Take the job of the reader's level that waits longest, or whose worker was lost."""
    held = {"worker": uuid4(), "lease": timedelta(seconds=LEASE_SECONDS), "most": MOST_ATTEMPTS}
    found = reader.rows("SELECT * FROM take_job(%(worker)s, %(lease)s, %(most)s)", held)
    if not found:
        return None
    ((id_, process, request, language),) = found
    return Taken(reader.level, id_, held["worker"], process, request, language)


def keep(reader: Reader, taken: Taken) -> bool:
    """Prolong the lease; tell whether the job is still ours."""
    lease = {"lease": timedelta(seconds=LEASE_SECONDS)}
    return _held(reader, taken, "keep_job(%(job)s, %(worker)s, %(lease)s)", lease)


def release(reader: Reader, taken: Taken) -> bool:
    """Give the job back as if it had not been taken; tell whether it was still ours."""
    return _held(reader, taken, "release_job(%(job)s, %(worker)s)")


def finish(reader: Reader, taken: Taken, end: End) -> bool:
    """Write down how the job ended; tell whether it was still ours."""
    told = ", ".join(f"%({name})s" for name in End._fields)
    return _held(reader, taken, f"finish_job(%(job)s, %(worker)s, {told})", end._asdict())


def forget(reader: Reader, hours: float) -> None:
    """Forget jobs of the reader's level that ended so long ago, and of too many those that ended first."""
    bounds = {"age": timedelta(hours=hours), "most": MOST_FINISHED}
    reader.rows("SELECT forget_jobs(%(age)s, %(most)s)", bounds)


def _held(reader: Reader, taken: Taken, call: str, more: dict | None = None) -> bool:
    ((changed,),) = reader.rows(f"SELECT {call}", {"job": taken.id, "worker": taken.worker} | (more or {}))
    return bool(changed)
