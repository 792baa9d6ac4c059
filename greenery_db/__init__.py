"""The greenery room: trees in the care of the city."""
