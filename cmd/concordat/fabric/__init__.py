"""A real Fabric network on loopback for developers and tests, out of Fabric's own programs, without containers.

It stands in the outermost ring, since it implements no port: it writes files, runs programs and asks them questions.
"""
