"""Secrets as files of a private folder, under an environment that may bring some of them."""

import asyncio
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

from adapters.outbound.files.durable import complete_copy, make_folder, sync_folder, try_writing
from shared.canonical import NotCanonical, unb64url
from shared.errors import Unavailable

PREFIX = "CONCORDAT_SECRET_"
LONGEST_NAME = 200

_NAME = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*")
_OTHERS = 0o077
_REMEDY = "Make it a folder that the service's own user can write, on a disk with room: new logs get no key meanwhile."


class UnsafeSecrets(Unavailable):
    """Somebody else may read or replace secrets here. Parameters: path, reason."""

    code = "secrets/unsafe"
    title = "A secret is not kept from others."


class SecretsUnavailable(Unavailable):
    """The folder or a secret cannot be read or written. Parameters: path or variable, reason; with a path, a remedy."""

    code = "secrets/unavailable"
    title = "The secrets cannot be read or written."


class FileSecrets:
    """Implements ports.secrets.Secrets: one file of mode 0600 per secret in a folder of mode 0700, made when missing.

    `environment` goes before the folder and is never written: CONCORDAT_SECRET_ and the name in capitals, every other
    sign an underscore; the value in base64url.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self._folder = folder
        given = {} if environment is None else environment
        self._environment = {name: value for name, value in given.items() if name.startswith(PREFIX)}
        self._durable: set[str] = set()

    async def get(self, name: str) -> bytes | None:
        """Raises ValueError for what is no name."""
        return await asyncio.to_thread(self._get, _checked(name))

    async def create(self, name: str, value: bytes) -> bytes:
        """Raises ValueError for what is no name."""
        return await asyncio.to_thread(self._create, _checked(name), value)

    async def check(self) -> None:
        await asyncio.to_thread(self._check)

    def _check(self) -> None:
        self._prepare()
        try:
            try_writing(self._folder)
        except OSError as error:
            raise _unavailable(self._folder, error) from error

    def _get(self, name: str) -> bytes | None:
        brought = self._brought(name)
        if brought is not None or not self._folder.exists():
            return brought
        self._prepare()
        return self._read(self._path(name))

    def _create(self, name: str, value: bytes) -> bytes:
        brought = self._brought(name)
        if brought is not None:
            return brought
        self._prepare()
        path = self._path(name)
        stored = self._read(path)
        try:
            if stored is None:
                with complete_copy(path, value, mode=0o600) as copy:
                    _link(copy, path)
            if name not in self._durable:
                # Another process may have linked it a moment ago: what is handed out has to survive, whoever made it.
                sync_folder(self._folder)
                self._durable.add(name)
        except OSError as error:
            raise _unavailable(path, error) from error
        stored = self._read(path) if stored is None else stored
        if stored is None:
            raise SecretsUnavailable(path=str(path), reason="removed meanwhile")
        return stored

    def _brought(self, name: str) -> bytes | None:
        variable = PREFIX + re.sub(r"[^A-Z0-9]", "_", name.upper())
        text = self._environment.get(variable)
        if text is None:
            return None
        try:
            value = unb64url(text)
        except NotCanonical:
            raise SecretsUnavailable(variable=variable, reason="not base64url without padding") from None
        if not value:
            raise SecretsUnavailable(variable=variable, reason="empty")
        return value

    def _prepare(self) -> None:
        try:
            make_folder(self._folder, mode=0o700)
            found = self._folder.stat()
        except OSError as error:
            raise _unavailable(self._folder, error) from error
        _require_private(self._folder, found)

    def _read(self, path: Path) -> bytes | None:
        try:
            with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
                _require_private(path, os.fstat(file.fileno()))
                return file.read()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unavailable(path, error) from error

    def _path(self, name: str) -> Path:
        """A flat name: no secret is another one's folder, and none is above this one."""
        return self._folder / name.replace("/", "+")


def _checked(name: str) -> str:
    words = name.split("/")
    if len(name) > LONGEST_NAME or _NAME.fullmatch(name) is None or any(not word.strip(".") for word in words):
        raise ValueError(f"not the name of a secret: {name[:LONGEST_NAME]!r}")
    return name


def _require_private(path: Path, found: os.stat_result) -> None:
    if found.st_uid != os.geteuid():
        raise UnsafeSecrets(path=str(path), reason="belongs to another user")
    if found.st_mode & _OTHERS:
        reason = f"mode {stat.S_IMODE(found.st_mode):04o} lets others in; run chmod go= on it"
        raise UnsafeSecrets(path=str(path), reason=reason)


def _link(copy: Path, path: Path) -> None:
    """Unlike a rename, a link never replaces: of two creators the first one wins."""
    try:
        os.link(copy, path)
    except FileExistsError:
        return


def _unavailable(path: Path, error: OSError) -> SecretsUnavailable:
    return SecretsUnavailable(path=str(path), reason=error.strerror or type(error).__name__, remedy=_REMEDY)
