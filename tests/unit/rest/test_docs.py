"""The documentation page: there where it is wanted, whole without the internet, and nowhere else."""

import re

from adapters.inbound.rest.settings import Settings
from tests.unit.rest.fake import serve

LOADS = re.compile(r'(?:src|href)="([^"]+)"')


async def test_the_page_loads_from_this_server_alone() -> None:
    async with serve(Settings(docs=True)).client(token=None) as client:
        page = await client.get("/docs")
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        loaded = [path for path in LOADS.findall(page.text) if not path.startswith("data:")]
        assert len(loaded) == 3 and all(path.startswith("/docs/") for path in loaded)
        for path in loaded:
            asset = await client.get(path)
            assert asset.status_code == 200 and asset.headers["content-type"].startswith(
                ("text/javascript", "text/css")
            )
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "connect-src 'self'" in policy and "http" not in policy


async def test_the_page_shows_the_document_that_is_served() -> None:
    async with serve(Settings(docs=True)).client(token=None) as client:
        start = (await client.get("/docs/start.js")).text
        assert (
            'url: "/openapi.json"' in start
            and "SwaggerUIBundle" in (await client.get("/docs/swagger-ui-bundle.js")).text
        )
        document = (await client.get("/openapi.json")).json()
    assert document["components"]["securitySchemes"]["access token"] == {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "PASETO v4.public",
        "description": "An access token alone, without the word before it.",
    }


async def test_without_the_setting_there_is_nothing_of_it() -> None:
    async with serve(Settings(docs=False)).client(token=None) as client:
        for path in (
            "/docs",
            "/docs/start.js",
            "/docs/swagger-ui.css",
            "/openapi.json",
            "/redoc",
            "/docs/oauth2-redirect",
        ):
            assert (await client.get(path)).status_code == 404
