"""The process that readers are forked from. It imports what they need while the load itself gets ready."""

import multiprocessing
from multiprocessing import forkserver

from layers.catalogue import module_names

# A fork of the loading process would inherit its connections to the database and the locks of its threads.
CONTEXT = multiprocessing.get_context("forkserver")
READERS = ["__main__", "pipelines.gml", "pipelines.tables"]


def make_ready() -> None:
    """Begin to import the readers, so that the first file need not wait for them. Returns at once."""
    # A reader that imported the declarations itself would do so for each file, in 0.2 seconds.
    CONTEXT.set_forkserver_preload([*READERS, *module_names()])
    forkserver.ensure_running()
