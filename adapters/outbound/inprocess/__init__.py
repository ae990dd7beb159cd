"""Ports served inside the process itself, with nothing installed."""
