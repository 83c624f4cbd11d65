"""The documentation page of a service: whole without the network."""

import re

import httpx

from libs.common.http.app import create_app
from tests.support.access import VERIFIER


async def test_the_documentation_page_loads_nothing_from_elsewhere() -> None:
    app = create_app("test", "A service.", verifier=VERIFIER, scopes={}, checks={}, routers=[], tags={}, audited={})
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as http:
        page = (await http.get("/docs")).text
        assert "swagger-ui" in page
        loaded = re.findall(r'(?:src|href)="([^"]+)"', page)
        assert [url for url in loaded if not url.startswith("/")] == []
        scripts = [await http.get(url) for url in loaded if url.endswith((".js", ".css"))]
    assert len(scripts) == 2
    assert [script.status_code for script in scripts] == [200, 200]
