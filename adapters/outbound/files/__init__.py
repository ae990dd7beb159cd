"""Ports that plain files and folders serve: secrets, and the published part of the logs."""
