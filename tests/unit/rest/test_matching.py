"""Which route takes a request: most are told apart by how their path begins, and all as ever."""

import pytest
from httpx2 import ASGITransport, AsyncClient, Response

from tests.unit.rest.fake import Served

UNKNOWN = "01890a5d-ac96-774b-bcce-b302099a8057"


async def ask(served: Served, method: str, path: str, root_path: str = "") -> Response:
    transport = ASGITransport(served.app, root_path=root_path)
    headers = {"authorization": "Bearer good"}
    async with AsyncClient(transport=transport, base_url="http://testserver", headers=headers) as client:
        return await client.request(method, path)


@pytest.mark.parametrize("root_path", ["", "/behind/a/proxy"])
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/things", 401),
        ("GET", f"/v1/things/{UNKNOWN}", 401),
        ("GET", f"/v1/things/{UNKNOWN}/text", 401),
        ("POST", "/v1/nudge", 401),
        ("DELETE", "/v1/things", 405),
        ("GET", f"/v1/things/{UNKNOWN}/judge", 405),
        ("GET", "/v1/thing", 404),
        ("GET", "/v1/things-and-more", 404),
        ("GET", f"/v1/things/{UNKNOWN}/text/more", 404),
        ("GET", "/v1/things/", 404),
        ("GET", "/v2/things", 404),
    ],
)
async def test_a_request_is_taken_by_its_route_or_by_none(
    served: Served, root_path: str, method: str, path: str, status: int
) -> None:
    assert (await ask(served, method, f"{root_path}{path}", root_path)).status_code == status
