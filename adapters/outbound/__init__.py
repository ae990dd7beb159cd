"""Implementations of the ports: a folder per technology, a file per port, each with the settings that it reads."""
