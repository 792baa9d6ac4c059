"""Everything that can go wrong, in one tree.

PlatformError                exit 1   HTTP 500
├── UsageError               exit 2        400
│   └── UnknownLayerError    exit 2        404
├── NotFoundError            exit 2        404
│   ├── GoneError            exit 2        410
│   ├── NoSuchProcessError   exit 2        404
│   ├── NoSuchJobError       exit 2        404
│   ├── ResultNotReadyError  exit 2        404
│   └── ResultGoneError      exit 2        410
├── KeyRefusedError          exit 2        401
├── TooManyRequestsError     exit 1        429
│   └── TooManyJobsError     exit 1        429
├── BusyError                exit 1        503
├── TooLongError             exit 1        503
├── NotWantedError           exit 1        500
├── KindChangedError         exit 1        500
├── LayerUnavailableError    exit 1        503
├── SourceError              exit 3        400
├── GuardError               exit 4        409
├── LayerLockedError         exit 5        409
└── DatabaseDownError        exit 6        503

Each message is a sentence: what is wrong, where, and what to do.
"""

from collections.abc import Mapping

OF_PROCESSES = "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/"


class PlatformError(Exception):
    """Anything the program can explain. Raised itself only for faults of our own.

    ``kind`` is the address by which a standard names the fault, where one does.
    """

    exit_code = 1
    status = 500
    kind = "about:blank"


class UsageError(PlatformError):
    """The program was asked for something it cannot do."""

    exit_code = 2
    status = 400


class UnknownLayerError(UsageError):
    """No declaration has this name."""

    status = 404

    def __init__(self, name: str, known: list[str]) -> None:
        super().__init__(f"There is no layer {name!r}. Known layers: {', '.join(known)}.")
        self.name = name


class NotFoundError(PlatformError):
    """There is no such feature, page or tile."""

    exit_code = 2
    status = 404


class GoneError(NotFoundError):
    """There is such a feature, but not at the time asked. ``links``: addresses of versions, by relation."""

    status = 410

    def __init__(self, message: str, links: Mapping[str, str]) -> None:
        super().__init__(message)
        self.links = links


class NoSuchProcessError(NotFoundError):
    """There is no such process."""

    kind = f"{OF_PROCESSES}no-such-process"


class NoSuchJobError(NotFoundError):
    """There is no such job, or it is somebody else's."""

    kind = f"{OF_PROCESSES}no-such-job"


class ResultNotReadyError(NotFoundError):
    """The job goes on."""

    kind = f"{OF_PROCESSES}result-not-ready"


class ResultGoneError(NotFoundError):
    """The job ended well, but its result is not kept any more."""

    status = 410


class KeyRefusedError(PlatformError):
    """The key of a request is unknown, revoked or expired."""

    exit_code = 2
    status = 401


class TooManyRequestsError(PlatformError):
    """Somebody asks more often than is good for others; ``wait_s`` says when they may ask again."""

    status = 429

    def __init__(self, wait_s: int) -> None:
        super().__init__(f"That were too many requests at once. Ask again in {wait_s} s.")
        self.wait_s = wait_s


class TooManyJobsError(TooManyRequestsError):
    """Somebody has as many unfinished jobs as they may have; ``wait_s`` says when to try again."""

    def __init__(self, most: int, wait_s: int) -> None:
        PlatformError.__init__(
            self,
            f"You have {most} jobs that wait or run, as many as anybody may have. Wait for one to end, or "
            "dismiss one.",
        )
        self.wait_s = wait_s


class BusyError(PlatformError):
    """More waits to be done than is taken on."""

    status = 503


class TooLongError(PlatformError):
    """What was asked takes longer than the database may work on it."""

    status = 503


class NotWantedError(PlatformError):
    """What is under way is not wanted any more: its job was dismissed, or is somebody else's by now."""


class KindChangedError(PlatformError):
    """A field of ``layer`` is declared as something else than its column holds."""

    def __init__(self, layer: str, message: str) -> None:
        super().__init__(message)
        self.layer = layer


class LayerUnavailableError(PlatformError):
    """The database does not hold a layer as it is declared."""

    status = 503


class SourceError(PlatformError):
    """A delivery cannot be read, or is not what it claims to be."""

    exit_code = 3
    status = 400


class GuardError(PlatformError):
    """A publication was refused; the previous version stays. ``run`` is the load, if it has a number."""

    exit_code = 4
    status = 409

    def __init__(self, guard: str, message: str) -> None:
        super().__init__(f"{message} The previous version stays. To publish all the same: --accept {guard}.")
        self.guard = guard
        self.run: int | None = None


class LayerLockedError(PlatformError):
    """Another load holds the layer."""

    exit_code = 5
    status = 409

    def __init__(self, layer: str) -> None:
        super().__init__(f"Another load is publishing {layer}. Wait until it ends and try again.")
        self.layer = layer


class DatabaseDownError(PlatformError):
    """The database cannot be reached or started."""

    exit_code = 6
    status = 503
