"""Pages of results made by a child process are those that the server would make."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from paysim.web.app import create_app
from paysim.web.security import START
from tests.web.conftest import ADDRESS

PATHS = ("verdict?against=capitation", "data/waits.csv")
WRONG = ("/runs/nothing/verdict", "/runs/small/verdict?against=nobody")


@pytest.fixture
def apart(with_run):
    headers = {"origin": ADDRESS, "sec-fetch-site": "same-origin", "accept-language": "nl"}
    app = create_app(with_run, apart=True)
    with TestClient(app, base_url=ADDRESS, headers=headers, follow_redirects=False) as made:
        made.child = app.app.state.reader._child
        assert made.get(f"{START}?token={'t' * 24}").status_code == 303
        yield made


def test_pages_are_the_same(client, apart):
    client.headers["accept-language"] = "nl"
    for path in (*(f"/runs/small/{each}" for each in PATHS), *WRONG, "/pilots/nothing"):
        here, there = client.get(path), apart.get(path)
        assert there.status_code == here.status_code
        assert there.content == here.content
        assert there.headers["content-type"] == here.headers["content-type"]
        assert there.headers["content-security-policy"] == here.headers["content-security-policy"]


def test_nobody_reaches_the_child_without_the_cookie(apart):
    apart.cookies.clear()
    assert apart.get("/runs/small/verdict").status_code == 403
    assert apart.child._process is None
