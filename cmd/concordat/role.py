"""Which part of the work a process does."""

from enum import StrEnum


class Role(StrEnum):
    """One process may do all of it; on Postgres any number of `http` and `grpc` ones stand beside one `worker`."""

    ALL = "all"
    HTTP = "http"
    GRPC = "grpc"
    WORKER = "worker"

    def does(self, part: "Role") -> bool:
        """Is this part of what the process does?"""
        return self in (Role.ALL, part)
