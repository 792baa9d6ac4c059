"""The process that readers are forked from. It imports what they need while the load itself gets ready."""

import multiprocessing
from multiprocessing import forkserver

# A fork of the loading process would inherit its connections to the database and the locks of its threads.
CONTEXT = multiprocessing.get_context("forkserver")
READERS = ["__main__", "pipelines.gml", "pipelines.tables"]


def make_ready() -> None:
    """Begin to import the readers, so that the first file need not wait for them. Returns at once."""
    CONTEXT.set_forkserver_preload(READERS)
    forkserver.ensure_running()
