"""Refusals that only this edge knows, since they are about HTTP messages and not about commands."""

from shared.errors import ConcordatError, Conflict, Invalid, NotFound


class MalformedHTTP(ConcordatError):
    """What came is no request of HTTP/1.1; the server says so before the edge sees anything of it."""

    code = "request/malformed-http"
    title = "This is not a request that can be read."


class MalformedJson(Invalid):
    """The body is no JSON, or JSON that no two parsers need to read alike. Parameter: reason."""

    code = "request/malformed-json"
    title = "The body is not JSON that can be read."


class NotAsDescribed(Invalid):
    """The request differs from the API's description. Parameter: errors, each with `in`, `pointer`, `reason`."""

    code = "request/invalid"
    title = "The request is not valid."


class BadCursor(Invalid):
    """The cursor was made for another list, another club or other filters, or was not made here at all."""

    code = "request/bad-cursor"
    title = "This cursor does not belong to this list."


class BadHeader(ConcordatError):
    """A header that cannot be read. Parameters: header, reason."""

    code = "request/bad-header"
    title = "A header is malformed."


class IdempotencyKeyRequired(BadHeader):
    """This operation is done only under a key, so that a retry cannot do it twice."""

    code = "idempotency/key-required"
    title = "This operation needs an Idempotency-Key."


class UnknownHost(ConcordatError):
    """The Host header names a host that this service does not answer for."""

    code = "request/unknown-host"
    title = "This service does not answer for that host."


class NoSuchRoute(NotFound):
    """Nothing is served at this path."""

    code = "request/no-such-route"
    title = "There is nothing at this path."


class WrongMethod(ConcordatError):
    """The path exists, with other methods. Parameter: allowed."""

    code = "request/wrong-method"
    title = "This path does not take that method."


class NotAcceptable(ConcordatError):
    """The Accept header excludes every form of the answer. Parameter: offered."""

    code = "request/not-acceptable"
    title = "The answer cannot be given in an accepted form."


class BodyTooLarge(ConcordatError):
    """The body exceeds the limit, and the rest of it is not read. Parameter: limit_bytes."""

    code = "request/too-large"
    title = "The body is too large."


class UnsupportedMediaType(ConcordatError):
    """The body is declared as something else than JSON in UTF-8. Parameter: supported."""

    code = "request/unsupported-media-type"
    title = "The body has to be JSON."


class PreconditionRequired(Conflict):
    """A change must name the version that it is based on."""

    code = "request/precondition-required"
    title = "Send If-Match with the version that the change is based on."


class HeadersTooLarge(ConcordatError):
    """One header, or all of them together, exceeds the limit. Parameter: limit_bytes."""

    code = "request/headers-too-large"
    title = "The headers are too large."
