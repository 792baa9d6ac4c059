"""Show: OGC APIs, tiles and the web map."""
