"""The gRPC edge: `server.py` makes the server, `edge/` is what all rpcs share, one file or package per module."""
