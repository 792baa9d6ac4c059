"""A room of the tests: layers with fields of every level, and layers that are closed as a whole."""
