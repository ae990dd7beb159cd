"""The interactive documentation: Swagger UI, served from an installed package so that it works without the internet."""

from functools import cache
from importlib.resources import files

from fastapi import APIRouter
from starlette.responses import HTMLResponse, Response

ASSETS = "fastapi_offline"
"""A package that carries Swagger UI's files; nothing else of it is used."""

OPENAPI = "/openapi.json"

# Swagger UI styles elements inline and has its icons as data; nothing is loaded from anywhere else.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Concordat API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
_START = f"""window.ui = SwaggerUIBundle({{
  url: "{OPENAPI}",
  dom_id: "#swagger-ui",
  deepLinking: true,
  displayOperationId: true,
  displayRequestDuration: true,
  persistAuthorization: true,
  tryItOutEnabled: true,
  validatorUrl: null,
}});
"""


def docs_router() -> APIRouter:
    """`/docs` and what it loads. Raises ModuleNotFoundError at once if the package with the files is missing."""
    router = APIRouter(include_in_schema=False)
    files(ASSETS)

    @router.get("/docs")
    async def page() -> Response:
        return HTMLResponse(_PAGE, headers={"content-security-policy": _POLICY})

    @router.get("/docs/start.js")
    async def start() -> Response:
        return Response(_START, media_type="text/javascript")

    @router.get("/docs/swagger-ui-bundle.js")
    async def bundle() -> Response:
        return _asset("swagger-ui-bundle.js", "text/javascript")

    @router.get("/docs/swagger-ui.css")
    async def style() -> Response:
        return _asset("swagger-ui.css", "text/css")

    return router


def _asset(name: str, media_type: str) -> Response:
    return Response(_read(name), media_type=media_type, headers={"cache-control": "max-age=86400"})


@cache
def _read(name: str) -> bytes:
    return (files(ASSETS) / "static" / name).read_bytes()
