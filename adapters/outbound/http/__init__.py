"""Ports that other operators' servers serve, over HTTP."""
