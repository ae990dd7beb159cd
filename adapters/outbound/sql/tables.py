"""All tables of the built-in modules, in one import: a module's tables exist once its file is read."""

from adapters.outbound.sql import clubs, schema

metadata = schema.metadata

__all__ = ["clubs", "metadata", "schema"]
