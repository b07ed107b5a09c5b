"""What every answer carries, and what a foreign page may not do."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from runtime.errors import Fault, NotFound
from tests.scenarios.works import Works
from web.application import create_app, secret_key

POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'"


def test_every_answer_forbids_foreign_scripts_frames_and_sniffing(office_on_file: Works) -> None:
    client = office_on_file.flask.test_client()
    for path in ("/login", "/api/v1/item", "/healthz", "/nothing/here"):
        headers = client.get(path).headers
        assert headers["Content-Security-Policy"].startswith(POLICY), path
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cache-Control"] == "no-store"


def test_the_session_cookie_is_out_of_reach_of_scripts(office_on_file: Works) -> None:
    answer = office_on_file.flask.test_client().get("/login")
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_over_https_the_session_cookie_travels_over_https_alone(office_on_file: Works) -> None:
    client = office_on_file.flask.test_client()
    assert "Secure" not in client.get("/login").headers["Set-Cookie"]
    fresh = office_on_file.flask.test_client()
    assert "Secure" in fresh.get("/login", base_url="https://localhost").headers["Set-Cookie"]
    behind = office_on_file.flask.test_client()
    assert "Secure" in behind.get("/login", headers={"X-Forwarded-Proto": "https"}).headers["Set-Cookie"]


def test_transport_security_is_asked_for_only_over_https(office_on_file: Works) -> None:
    client = office_on_file.flask.test_client()
    assert "Strict-Transport-Security" not in client.get("/login").headers
    assert "Strict-Transport-Security" in client.get("/login", base_url="https://localhost").headers


def test_operators_see_life_readiness_and_figures(office_on_file: Works) -> None:
    client = office_on_file.flask.test_client()
    assert client.get("/healthz").get_json() == {"status": "ok"}
    assert client.get("/readyz").get_json() == {"status": "ready", "apps": 1}
    assert "dougong_requests_total" in client.get("/metrics").get_data(as_text=True)


def test_an_app_whose_database_does_not_answer_hides_no_other_figure(
    office_on_file: Works, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(home: object, name: str) -> None:
        raise NotFound(Fault(code="gone", message="no answer"))

    monkeypatch.setattr(type(office_on_file.home), "get", gone)
    figures = office_on_file.flask.test_client().get("/metrics")
    assert figures.status_code == 200
    assert "dougong_requests_total" in figures.get_data(as_text=True)


def test_a_fault_of_ours_is_logged_without_the_values_it_met(
    office_on_file: Works, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks() -> str:
        password = "hunter-2-secret"  # a value that a log must not show
        raise RuntimeError(len(password))

    application = create_app(office_on_file.home)
    monkeypatch.setitem(application.view_functions, "pages.log_in", breaks)
    answer = application.test_client().get("/login")
    said = capsys.readouterr()
    told = said.out + said.err
    assert answer.status_code == 500
    assert "RuntimeError" in told
    assert "hunter-2-secret" not in told + answer.get_data(as_text=True)


def test_workers_that_start_together_sign_with_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as workers:
        keys = set(workers.map(lambda _: secret_key(tmp_path / "home"), range(40)))
    assert [len(key) for key in keys] == [32]
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["secret"]
    assert (tmp_path / "home" / "secret").stat().st_mode & 0o777 == 0o600


def test_a_file_system_without_hard_links_has_one_key_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: Path, target: Path) -> None:
        raise PermissionError(1, "Operation not permitted", str(path))

    monkeypatch.setattr(Path, "hardlink_to", refused)
    keys = {secret_key(tmp_path) for _ in range(3)}
    assert [len(key) for key in keys] == [32]
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600


def test_sessions_are_never_signed_with_an_empty_key(tmp_path: Path) -> None:
    (tmp_path / "secret").touch()
    with pytest.raises(OSError, match="secret: empty; delete it and start again"):
        secret_key(tmp_path)
