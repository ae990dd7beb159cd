"""REST for the clubs module: a file for each kind of thing, and all of their routers in one call."""
