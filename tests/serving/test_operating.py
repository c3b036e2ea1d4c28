"""The pages on running it for real: their nginx takes its configuration and passes everything on, systemd takes the unit."""

import re
import shutil
import ssl
import subprocess
from pathlib import Path

import httpx2
import pytest

from tests.serving.databases import free_port
from tests.serving.servers import served
from warmstart.serving.http.settings import ServeConfig

PAGE = (Path(__file__).parents[2] / "docs" / "operating.md").read_text(encoding="utf-8")
EVENT = {"event_id": "e1", "user_id": "a/b", "item_id": "b1"}


def block(beginning):
    [found] = [text for text in re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL) if text.startswith(beginning)]
    return found


def configured(folder, server, port):
    """Return the page's configuration with our ports and a certificate of our own."""
    files = ["-keyout", str(folder / "recommend.key"), "-out", str(folder / "recommend.pem")]
    named = ["-subj", "/CN=recommend.example.org", "-days", "2"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *named, *files]
    subprocess.run(command, check=True, capture_output=True)
    text = block("upstream").replace("/etc/ssl", str(folder)).replace("127.0.0.1:8480", server.removeprefix("http://"))
    text = text.replace("listen 443", f"listen 127.0.0.1:{port}")
    rooms = "".join(
        f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    # one process in the foreground, which ends with the test
    alone = f"daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;"
    path = folder / "nginx.conf"
    path.write_text(f"{alone} events {{}} http {{ access_log off; {rooms} {text} }}", encoding="utf-8")
    return path


@pytest.fixture
def proxied(model_folder, tmp_path):
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if nginx is None:
        pytest.skip("nginx is not installed: apt-get install nginx-light")
    config = ServeConfig(model=str(model_folder), store=f"sqlite:///{tmp_path}/w.db")
    with served(config) as server:
        port = free_port()
        command = [nginx, "-c", str(configured(tmp_path, server, port)), "-e", str(tmp_path / "error.log")]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        trusted = ssl.create_default_context(cafile=str(tmp_path / "recommend.pem"))
        trusted.check_hostname = False  # the name is the page's, the address ours
        transport = httpx2.HTTPTransport(retries=20, verify=trusted)
        with httpx2.Client(base_url=f"https://127.0.0.1:{port}", transport=transport, timeout=20) as client:
            yield client
        process.terminate()
        process.wait(20)


def test_nginx_passes_everything_on_as_the_page_sets_it_up(proxied):
    said = proxied.post("/v1/events", json=EVENT)
    assert said.json()["accepted"] == 1
    found = proxied.get("/v1/users/a%2Fb/recommendations?n=2")
    assert found.json()["state_version"] == said.json()["state_version"]
    assert re.fullmatch("[0-9a-f]{32}", found.headers["x-request-id"])
    assert proxied.get("/metrics").status_code == 403
    with proxied.stream("GET", "/console/health/stream") as news:
        assert "event: numbers" in news.iter_lines()  # a page that stays open is passed on as it is written


def test_systemd_takes_the_unit(tmp_path):
    verify = shutil.which("systemd-analyze")
    if verify is None:
        pytest.skip("systemd is not installed")
    command, user = shutil.which("true"), "root"
    unit = (
        block("[Unit]")
        .replace("/srv/warmstart/venv/bin/warmstart", str(command))
        .replace("User=warmstart", f"User={user}")
    )
    path = tmp_path / "warmstart.service"
    path.write_text(unit, encoding="utf-8")
    done = subprocess.run([verify, "verify", str(path)], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
