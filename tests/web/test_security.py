"""Who is answered: hosts, tokens, cookies, origins, methods, sizes, headers, names and paths."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest
from starlette.testclient import TestClient

from paysim.errors import ScenarioError
from paysim.reading.seals import sealed, unsealed
from paysim.web.app import create_app
from paysim.web.settings import Settings, check_address, kept_key

ADDRESS = "http://127.0.0.1:8642"
COOKIE = "paysim_8642"
PAGES = (
    "/",
    "/ways",
    "/region",
    "/runs",
    "/runs/small",
    "/runs/small/verdict",
    "/runs/small/explore/time",
    "/runs/small/aims",
    "/terms",
)
POSTS = (
    "/region", "/runs", "/runs/small/cancel", "/runs/small/again", "/runs/small/full", "/language", "/terms/preview", "/terms/run", "/terms/file", "/upload", "/pilots/ascvd_middenkempen/run",
)  # fmt: skip
MORE = ("/runs/small/report", "/runs/small/data/qalys.csv", "/static/app.css", "/nothing", "/start?token=wrong")


@pytest.mark.parametrize(
    "host",
    [
        "evil.example", "evil.example:8642", "127.0.0.1.evil.example:8642", "localhost.evil.example:8642", "",
        "127.0.0.1", "localhost", "127.0.0.1:80", "localhost.:8642", "0.0.0.0:8642", "[::2]:8642", "127.0.0.1:8642:8642",
        "127.0.0.1:8642@evil.example", "10.0.0.1:8642",
    ],
)  # fmt: skip
def test_foreign_hosts_are_refused(client, host):
    assert client.get("/", headers={"host": host}).status_code == 400


@pytest.mark.parametrize("host", ["127.0.0.1:8642", "localhost:8642", "[::1]:8642"])
def test_own_hosts_are_answered(client, host):
    assert client.get("/runs", headers={"host": host}).status_code == 200


def test_two_hosts_are_refused(app):
    scope = {"headers": [(b"host", b"127.0.0.1:8642"), (b"host", b"evil.example")]}
    assert asyncio.run(raw(app, "/runs", **scope))[0] == 400


def test_the_token_opens_the_door_and_stays_outside(app):
    visitor = TestClient(app, base_url=ADDRESS, follow_redirects=False)
    assert visitor.get("/").status_code == 403
    assert visitor.get("/start?token=wrong").status_code == 403
    assert visitor.get("/start").status_code == 403
    opened = visitor.get(f"/start?token={'t' * 24}")
    assert opened.headers["location"] == "/"
    cookie = opened.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "t" * 24 not in cookie
    assert visitor.get("/").status_code == 200


@pytest.mark.parametrize("page", [*PAGES, "/runs/small/report", "/terms", "/pilots", "/upload"])
@pytest.mark.parametrize("cookie", [None, "", "wrong", "k" * 23, "é"])
def test_nothing_without_the_cookie(app, page, cookie):
    visitor = TestClient(app, base_url=ADDRESS, follow_redirects=False)
    headers = {} if cookie is None else {"cookie": f"{COOKIE}={cookie}".encode("latin-1")}
    assert visitor.get(page, headers=headers).status_code == 403


@pytest.mark.parametrize("address", POSTS)
@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:3000"},
        {"origin": "https://127.0.0.1:8642"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"origin": ADDRESS, "sec-fetch-site": "cross-site"},
        {"origin": "null", "sec-fetch-site": "cross-site"},
        {"origin": "http://evil.example", "sec-fetch-site": "same-origin"},
        {},
    ],
)
def test_only_own_pages_change_anything(app, address, headers):
    visitor = TestClient(app, base_url=ADDRESS, cookies={COOKIE: "k" * 24}, follow_redirects=False)
    assert visitor.post(address, headers=headers).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": ADDRESS},
        {"origin": ADDRESS, "sec-fetch-site": "same-origin"},
        {"origin": "null", "sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "same-origin"},
    ],
)
def test_own_pages_may_change_things(app, headers):
    visitor = TestClient(app, base_url=ADDRESS, cookies={COOKIE: "k" * 24}, follow_redirects=False)
    assert visitor.post("/language", headers=headers, data={"language": "en", "back": "/runs"}).status_code == 303


@pytest.mark.parametrize("address", POSTS)
def test_nothing_changes_without_the_cookie(app, address):
    visitor = TestClient(app, base_url=ADDRESS, headers={"origin": ADDRESS}, follow_redirects=False)
    assert visitor.post(address).status_code == 403


@pytest.mark.parametrize("address", ["/runs/small/cancel", "/runs/small/again", "/language"])
def test_nothing_changes_by_looking(client, with_run, address):
    assert client.get(address).status_code in (404, 405)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_are_refused(client, method):
    answer = client.request(method, "/runs")
    assert answer.status_code == 405
    assert not any(name.startswith("access-control") for name in answer.headers)


@pytest.mark.parametrize("page", [*PAGES, *MORE])
def test_every_answer_has_the_headers(client, with_run, page):
    found = client.get(page)
    policy = found.headers["content-security-policy"]
    scripts = re.search(r"script-src ([^;]*)", policy)
    assert scripts is None or scripts[1] == "'self'"
    assert "unsafe-eval" not in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert found.headers["x-content-type-options"] == "nosniff"
    assert found.headers["referrer-policy"] == "no-referrer"
    assert found.headers["cache-control"] == "no-store"


def test_a_fault_of_ours_has_the_headers_too(app, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("<b>oops</b>")

    monkeypatch.setattr("paysim.web.library.regions", broken)
    visitor = TestClient(app, base_url=ADDRESS, cookies={COOKIE: "k" * 24}, raise_server_exceptions=False)
    answer = visitor.get("/")
    assert answer.status_code == 500
    assert "<b>oops</b>" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_an_upload_is_cut_while_it_arrives(settings):
    app = create_app(replace(settings, upload_bytes=10_000))

    def chunks():
        for _ in range(50):
            yield b"x" * 1_000

    headers = {"origin": ADDRESS, "content-type": "application/x-www-form-urlencoded"}
    visitor = TestClient(app, base_url=ADDRESS, cookies={COOKIE: "k" * 24}, headers=headers)
    assert visitor.post("/runs", content=chunks()).status_code == 413
    assert visitor.post("/runs", content=b"x" * 10_001).status_code == 413
    assert visitor.post("/runs", content=b"x" * 10_000).status_code == 422


def test_a_slow_upload_is_cut(settings):
    app = create_app(replace(settings, body_seconds=0.05))

    async def drip():
        await asyncio.sleep(10)
        return {"type": "http.request", "body": b"", "more_body": True}

    headers = [(b"origin", ADDRESS.encode()), (b"content-type", b"application/x-www-form-urlencoded")]
    status, _ = asyncio.run(raw(app, "/runs", method="POST", more=headers, receive=drip, cookie=b"k" * 24))
    assert status == 408


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org"])
def test_an_address_for_others_must_be_asked_for_in_full(tmp_path, host):
    settings = Settings(tmp_path, host=host, token="t" * 24)
    with pytest.raises(ScenarioError, match="allow-remote"):
        check_address(settings, allow_remote=False, token_given=True)
    with pytest.raises(ScenarioError, match="token"):
        check_address(settings, allow_remote=True, token_given=False)
    with pytest.raises(ScenarioError, match="token"):
        check_address(replace(settings, token="short"), allow_remote=True, token_given=True)
    check_address(settings, allow_remote=True, token_given=True)


def test_a_server_for_others_answers_to_addresses_and_not_to_names(tmp_path):
    settings = Settings(tmp_path, host="0.0.0.0")
    assert settings.hosts("192.168.1.5:8642")
    assert not settings.hosts("evil.example:8642")
    assert Settings(tmp_path, host="sim.example.org").hosts("sim.example.org:8642")


def test_the_key_is_kept_and_its_owner_s_alone(tmp_path):
    key = kept_key(tmp_path / ".app")
    assert kept_key(tmp_path / ".app") == key
    assert (tmp_path / ".app" / "key").stat().st_mode & 0o077 == 0
    (tmp_path / ".app" / "key").chmod(0o644)
    assert kept_key(tmp_path / ".app") != key


# Paths that try to leave the outputs folder.
_UP = (
    "..",
    "%2e%2e",
    "..%2f..",
    "%2e%2e%2f%2e%2e",
    "..%5c..",
    "..\\..",
    "%252e%252e",
    "..%252f..",
    "....//",
    "..%c0%af..",
)
_TAILS = ("secret.txt", "outputs/../secret.txt", "report", "verdict", "scenario.yaml", "progress")
TRAVERSALS = [
    *(f"/runs/{up}/{tail}" for up in _UP for tail in _TAILS[:4]),
    *(f"/static/{up}/secret.txt" for up in _UP),
    "/runs//etc/passwd", "/runs/%00/report", "/runs/small%00/report", "/runs/small/report/../../../secret.txt",
    "/runs/link/report", "/runs/link/verdict", "/runs/small/data/../../secret.txt", "/runs/small/data/%2e%2e%2fsecret.csv",
    "/runs/.app/report", "/runs/.app/scenario.yaml", "/runs/.hidden/report", "/runs/C:%5Csecret/report",
    "/runs/small/explore/../../secret", "/runs/file:%2f%2fsecret/report", "//secret.txt", "/runs/~root/report",
]  # fmt: skip


@pytest.fixture
def guarded(with_run, tmp_path):
    (tmp_path / "secret.txt").write_text("SECRET")
    (tmp_path / "outside").mkdir()
    for name in ("report.html", "manifest.json", "secret.txt"):
        (tmp_path / "outside" / name).write_text("SECRET")
    (with_run.outputs / "link").symlink_to(tmp_path / "outside")
    (with_run.outputs / ".hidden").mkdir()
    (with_run.outputs / ".hidden" / "report.html").write_text("SECRET")
    return create_app(with_run)


def test_there_are_many_paths():
    assert len(TRAVERSALS) >= 60


@pytest.mark.parametrize("path", TRAVERSALS)
def test_no_path_leads_outside(guarded, path):
    status, body = asyncio.run(raw(guarded, path, cookie=b"k" * 24))
    assert status in (303, 400, 404)
    assert b"SECRET" not in body
    assert b"root:" not in body


def test_a_report_that_is_a_link_is_not_served(with_run, tmp_path, client):
    (tmp_path / "secret.txt").write_text("SECRET")
    report = with_run.outputs / "small" / "report.html"
    assert client.get("/runs/small/report").status_code == 200
    report.unlink()
    report.symlink_to(tmp_path / "secret.txt")
    assert client.get("/runs/small/report").status_code == 404


# Names that try to become part of the page.
_CALLS = ("alert(1)", "alert`1`")
_SHAPES = (
    "<script>{}</script>", "<img src=x onerror={}>", "\"><svg onload={}>", "'><script>{}</script>", "<iframe srcdoc='<script>{}</script>'>",
    "javascript:{}", "</title><script>{}</script>", "</textarea><script>{}</script>", "{{{{{}}}}}", "{{% if 1 %}}{}{{% endif %}}",
    "\" autofocus onfocus={} x=\"", "<a href=javascript:{}>x</a>", "<details open ontoggle={}>", "<math><mtext></form><form><mglyph><style></math><img src onerror={}>",
    "${{{}}}", "<!--<script>{}-->", "<base href=//evil.example/>{}", "<meta http-equiv=refresh content=0;url=//evil.example>{}", "<object data=javascript:{}>",
    "\u202e<script>{}</script>", "<svg><script>{}</script></svg>", "<link rel=stylesheet href=//evil.example/{}>", "<form action=//evil.example>{}<button>",
    "' hx-get='/runs' hx-trigger='load' x='{}", "\" hx-on:load=\"{}",
)  # fmt: skip
NAMES = [shape.format(call) for shape in _SHAPES for call in _CALLS]


class Skeleton(HTMLParser):
    """The tags and names of attributes of a page, and addresses that are not its own."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.foreign = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, tuple(sorted(name for name, _ in attrs))))
        own = ("/", "#", "?")
        self.foreign += [v for k, v in attrs if k in ("href", "src", "action", "data") and not str(v).startswith(own)]


def test_there_are_many_names():
    assert len(set(NAMES)) >= 50


def renamed(folder, names):
    """Give the titles of a run these names."""
    file = folder / "manifest.json"
    manifest = unsealed(file.read_bytes())
    manifest["scenario"]["title"] = names[0]
    for arm, name in zip(manifest["scenario"]["arms"], names[1:], strict=True):
        arm["title"] = name
    file.write_bytes(sealed(manifest))


@pytest.mark.parametrize("page", ["/runs/small/verdict", "/runs/small/aims", "/runs/small/explore/payer"])
def test_no_name_becomes_part_of_a_page(client, with_run, page):
    renamed(with_run.outputs / "small", [f"plain {k}" for k in "abcd"])
    plain = Skeleton(client.get(page).text)
    every = NAMES if page.endswith("verdict") else NAMES[::5]
    for start in range(0, len(every), 4):
        names = (every[start:] + every)[:4]
        renamed(with_run.outputs / "small", names)
        answer = client.get(page)
        assert answer.status_code == 200
        found = Skeleton(answer.text)
        assert found.tags == plain.tags, names
        assert found.foreign == [], names


@pytest.mark.parametrize("name", NAMES)
def test_no_value_of_an_address_becomes_part_of_a_page(client, name):
    for address in ("/", "/ways", "/region"):
        answer = client.get(address, params={"region": name, "way": name, "years": name})
        found = Skeleton(answer.text)
        assert answer.status_code == 422
        assert found.foreign == []
        assert all(tag not in ("img", "iframe", "svg", "object", "base") for tag, _ in found.tags)


def test_templates_escape_everything(root):
    for path in (root / "paysim" / "web" / "templates").glob("*.html"):
        text = path.read_text("utf-8")
        assert not re.search(r"\|\s*safe|autoescape|Markup|<script(?! src=)|\son\w+=|style=", text), path


def test_scripts_evaluate_nothing(root):
    for path in (root / "paysim" / "web" / "static").glob("*.js"):
        assert not re.search(r"\beval\(|new Function|innerHTML|document\.write", path.read_text("utf-8")), path


async def raw(app, path, *, method="GET", cookie=None, headers=None, more=(), receive=None):
    """Ask with a path that no client would tidy up; return status and body."""
    sent = headers or [(b"host", b"127.0.0.1:8642")]
    sent = [*sent, *more] + ([(b"cookie", COOKIE.encode() + b"=" + cookie)] if cookie else [])
    plain, _, query = path.partition("?")
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
        "path": unquote(plain), "raw_path": plain.encode(), "query_string": query.encode(), "root_path": "",
        "headers": sent, "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8642),
    }  # fmt: skip
    messages = []

    async def nothing():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        messages.append(message)

    await app(scope, receive or nothing, send)
    body = b"".join(m.get("body", b"") for m in messages if m["type"] == "http.response.body")
    return messages[0]["status"], body
