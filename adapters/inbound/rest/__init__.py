"""The REST edge: `application.py` makes the app, `edge/` is what routes share; a module's routes go by its name."""
