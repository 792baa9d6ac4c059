"""The processes: one file declares one, as ``PROCESS``."""
