"""The utilities room: GESUT lines and devices."""
