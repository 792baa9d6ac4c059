"""What a level can do with its jobs: functions of its schema, the only way to the table of jobs.

A level submits, takes, keeps and ends jobs of its own only, whatever it is told of another's.
"""

from layers import Level

UNFINISHED = "finished_at IS NULL"
TOLD = """job uuid, process text, request text, language text, state text, created_at timestamptz,
    updated_at timestamptz, message text, fault int, result text, media_type text, started_at timestamptz,
    finished_at timestamptz"""
COLUMNS = ", ".join(part.split()[0] for part in TOLD.split(","))


def job_functions(here: str, level: Level) -> list[str]:
    """The statements that make the functions in the schema ``here`` of ``level``."""
    own = f"level = '{level}'"
    held = f"{own} AND job = this_job AND worker = this_worker AND state = 'running'"
    return [
        _submit(here, level, own),
        _reading(here, "job_of", "this_job uuid, this_owner text", f"{own} AND job = this_job AND {OWNED}"),
        # Anybody's jobs are found by who knows their identifier, so they stand in no list.
        _reading(
            here,
            "jobs_of",
            "this_owner text, this_limit int",
            f"{own} AND owner = this_owner ORDER BY created_at DESC, job LIMIT this_limit",
        ),
        _function(
            here,
            "dismiss_job(this_job uuid, this_owner text)",
            "bigint",
            f"""UPDATE registry.job SET state = 'dismissed', message = NULL, fault = NULL, result = NULL,
                worker = NULL, updated_at = now(), finished_at = COALESCE(finished_at, now())
            WHERE {own} AND job = this_job AND {OWNED}""",
        ),
        _take(here, own),
        _function(
            here,
            "keep_job(this_job uuid, this_worker uuid, lease interval)",
            "bigint",
            f"UPDATE registry.job SET lease_until = now() + lease, updated_at = now() WHERE {held}",
        ),
        _function(
            here,
            "release_job(this_job uuid, this_worker uuid)",
            "bigint",
            f"""UPDATE registry.job SET state = 'accepted', worker = NULL, lease_until = NULL,
                attempts = attempts - 1, updated_at = now() WHERE {held}""",
        ),
        _function(
            here,
            "finish_job(this_job uuid, this_worker uuid, this_state text, this_message text, this_fault int, "
            "this_result text, this_type text)",
            "bigint",
            f"""UPDATE registry.job SET state = this_state, message = this_message, fault = this_fault,
                result = this_result, media_type = this_type, worker = NULL, lease_until = NULL,
                updated_at = now(), finished_at = now()
            WHERE {held} AND this_state IN ('successful', 'failed')""",
        ),
        _function(
            here,
            "forget_jobs(age interval, most int)",
            "bigint",
            f"""DELETE FROM registry.job WHERE {own} AND (finished_at < now() - age OR job IN (
                SELECT job FROM registry.job WHERE {own} AND finished_at IS NOT NULL
                ORDER BY finished_at DESC, job OFFSET most))""",
        ),
    ]


OWNED = "owner IS NOT DISTINCT FROM this_owner"
LIKE_OWNERS = "LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp"


def _function(here: str, head: str, gives: str, change: str) -> str:
    """A function that changes jobs, and gives how many."""
    return f"""
        CREATE FUNCTION {here}.{head} RETURNS {gives} {LIKE_OWNERS} AS $$
            WITH changed AS ({change} RETURNING job) SELECT count(*) FROM changed
        $$
    """


def _reading(here: str, name: str, takes: str, where: str) -> str:
    return f"""
        CREATE FUNCTION {here}.{name}({takes}) RETURNS TABLE ({TOLD}) {LIKE_OWNERS} AS $$
            SELECT {COLUMNS} FROM registry.job WHERE {where}
        $$
    """


def _submit(here: str, level: Level, own: str) -> str:
    """Have a job done; tells `accepted`, or which bound keeps it out: that of the caller, or of the level."""
    waiting = f"SELECT count(*) FROM registry.job WHERE {own} AND {UNFINISHED}"
    takes = """this_job uuid, this_owner text, this_caller text, this_process text, this_request text,
        this_language text, most_of_caller int, most int"""
    gives = "TABLE (told text, at timestamptz)"
    return f"""
        CREATE FUNCTION {here}.submit_job({takes}) RETURNS {gives} {LIKE_OWNERS} AS $$
            SELECT pg_advisory_xact_lock(hashtext('mesip jobs {level}'));
            INSERT INTO registry.job (job, level, owner, caller, process, request, language, state)
            SELECT this_job, '{level}', this_owner, this_caller, this_process, this_request, this_language,
                'accepted'
            WHERE ({waiting}) < most AND ({waiting} AND caller = this_caller) < most_of_caller;
            SELECT CASE WHEN EXISTS (SELECT FROM registry.job WHERE job = this_job) THEN 'accepted'
                WHEN ({waiting} AND caller = this_caller) >= most_of_caller THEN 'caller'
                ELSE 'level' END, now()
        $$
    """


def _take(here: str, own: str) -> str:
    """Take the job that waits longest, or one whose worker is lost.

    Before, those end that have lost too many workers, and those whose key is no longer valid.
    """
    lost = f"{own} AND state = 'running' AND lease_until < now()"
    valid = "revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())"
    closed = f"owner IS NOT NULL AND NOT EXISTS (SELECT FROM registry.api_key WHERE id = owner AND {valid})"
    return f"""
        CREATE FUNCTION {here}.take_job(this_worker uuid, lease interval, most_attempts int)
        RETURNS TABLE (job uuid, process text, request text, language text) {LIKE_OWNERS} AS $$
            UPDATE registry.job SET state = 'failed', fault = 500, worker = NULL, updated_at = now(),
                finished_at = now(), message = 'Each of ' || most_attempts || ' workers was lost over this '
                    || 'job. Ask for less, or tell the operators.'
            WHERE {lost} AND attempts >= most_attempts;
            UPDATE registry.job SET state = 'dismissed', worker = NULL, updated_at = now(),
                finished_at = now(), message = 'The key of this job is revoked or expired.'
            WHERE {own} AND {UNFINISHED} AND {closed};
            WITH next AS MATERIALIZED (
                SELECT waiting.job FROM registry.job AS waiting
                WHERE {own} AND {UNFINISHED} AND (state = 'accepted' OR {lost})
                ORDER BY created_at, waiting.job LIMIT 1 FOR UPDATE SKIP LOCKED
            )
            UPDATE registry.job AS taken SET state = 'running', worker = this_worker,
                lease_until = now() + lease, attempts = attempts + 1, updated_at = now(),
                started_at = COALESCE(started_at, now())
            FROM next WHERE taken.job = next.job
            RETURNING taken.job, taken.process, taken.request, taken.language
        $$
    """
