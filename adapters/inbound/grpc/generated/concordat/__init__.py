"""The protos' own package path."""
