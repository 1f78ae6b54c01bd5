"""TLS on every server: certificates, clients, versions, renewal, and what is no secret."""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import httpx2
import psutil
import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from drum_core.errors import ServerError
from drum_core.options.tls import TLSSettings
from drum_core.security.tls import Certificates
from tests.model_folders import DOUBLE, make_folder
from tests.security.live import SERVERS, Operated, command, operated, variables
from tests.web.live import wait_until

PASSWORD = "open-sesame-0123456789"


@dataclass(frozen=True)
class Files:
    """Where a server finds its certificate, and who made it."""

    ca: trustme.CA
    ca_file: Path
    cert: Path
    key: Path

    def renew(self, ca: trustme.CA | None = None) -> None:
        """Another certificate for the same name, from the same authority by default."""
        made = (ca or self.ca).issue_cert("localhost", "127.0.0.1")
        plain = load_pem_private_key(made.private_key_pem.bytes(), password=None)
        secret = plain.private_bytes(
            Encoding.PEM,
            PrivateFormat.PKCS8,
            BestAvailableEncryption(PASSWORD.encode()),
        )
        chain = b"".join(blob.bytes() for blob in made.cert_chain_pems)
        for path, data in ((self.cert, chain), (self.key, secret)):
            beside = path.with_suffix(".new")
            beside.write_bytes(data)
            beside.replace(path)

    def trusting(self) -> ssl.SSLContext:
        """What a client of the authority connects with."""
        context = ssl.create_default_context()
        self.ca.configure_trust(context)
        return context


def make_files(folder: Path) -> Files:
    """An authority and the files of a server, the key encrypted."""
    ca = trustme.CA()
    ca.cert_pem.write_to_path(folder / "ca.pem")
    files = Files(ca, folder / "ca.pem", folder / "cert.pem", folder / "key.pem")
    files.renew()
    return files


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model."""
    return make_folder(tmp_path_factory.mktemp("tls") / "model", custom=DOUBLE)


@pytest.fixture(
    scope="module",
    params=[("uvicorn", 1), ("uvicorn", 2), ("gunicorn", 2), ("werkzeug", 1)],
    ids=lambda param: f"{param[0]}-{param[1]}",
)
def served(
    request: pytest.FixtureRequest, model: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Operated, Files]]:
    """Each server in turn, which asks its clients for a certificate and takes them without."""
    name, workers = request.param
    folder = tmp_path_factory.mktemp(name)
    files = make_files(folder)
    words = ["--server", name, "--max-workers", str(workers), "--hsts-max-age", "60"]
    words += ["--ssl-certfile", str(files.cert), "--ssl-keyfile", str(files.key)]
    words += ["--ssl-ca-certs", str(files.ca_file), "--ssl-cert-reqs", "optional"]
    environ = {"DRUM_SSL_KEYFILE_PASSWORD": PASSWORD}
    with operated(model, words, environ, log=folder / "log") as server:
        yield server, files


def get(server: Operated, context: ssl.SSLContext, path: str = "/livez") -> httpx2.Response:
    """One request on a connection of its own."""
    with httpx2.Client(verify=context, timeout=20) as client:
        return client.get(f"https://127.0.0.1:{server.port}{path}")


def serial(server: Operated) -> bytes:
    """The certificate that a new connection is shown."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", server.port), timeout=15) as plain,
        context.wrap_socket(plain) as sock,
    ):
        shown = sock.getpeercert(binary_form=True)
    assert shown is not None
    return shown


def test_answers_over_tls(served: tuple[Operated, Files]) -> None:
    """A client that trusts the authority is answered, and told to stay with TLS."""
    server, files = served
    answer = get(server, files.trusting())
    assert answer.status_code == 200
    assert answer.headers["Strict-Transport-Security"] == "max-age=60"
    assert "https://127.0.0.1" in server.log


def test_predicts_over_tls(served: tuple[Operated, Files]) -> None:
    """A body arrives, and many requests on one connection where the server keeps it."""
    server, files = served
    with httpx2.Client(verify=files.trusting(), timeout=20) as client:
        url = f"https://127.0.0.1:{server.port}"
        wait_until(lambda: client.get(f"{url}/readyz").status_code == 200)
        body = "x\n" + "1\n" * 50_000
        for _ in range(3):
            answer = client.post(
                f"{url}/predict/", content=body, headers={"Content-Type": "text/csv"}
            )
            if answer.status_code == 503:  # the other worker may still load
                time.sleep(0.5)
                continue
            assert len(answer.json()["predictions"]) == 50_000


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1:DeprecationWarning")
def test_old_versions_are_refused(served: tuple[Operated, Files], version: ssl.TLSVersion) -> None:
    """A client that offers no more than TLS 1.1 has no connection."""
    server, files = served
    context = files.trusting()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    with pytest.raises(httpx2.ConnectError):
        get(server, context)


def test_tls_12_is_taken(served: tuple[Operated, Files]) -> None:
    """With forward secrecy and an authenticated cipher."""
    server, files = served
    context = files.trusting()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with (
        socket.create_connection(("127.0.0.1", server.port), timeout=15) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as sock,
    ):
        cipher = sock.cipher()
    assert cipher is not None
    assert cipher[0].startswith("ECDHE-")


def test_optional_client_certificates(served: tuple[Operated, Files]) -> None:
    """One of the authority is taken, one of another is not, and none is fine."""
    server, files = served
    good, bad = files.trusting(), files.trusting()
    files.ca.issue_cert("client@example.com").configure_cert(good)
    trustme.CA().issue_cert("client@example.com").configure_cert(bad)
    assert get(server, good).status_code == 200
    with pytest.raises(httpx2.TransportError):
        get(server, bad)


def test_clients_that_say_nothing_hold_nobody_up(served: tuple[Operated, Files]) -> None:
    """Connections without a handshake, or with plain HTTP on them, cost others nothing."""
    server, files = served
    silent = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(20)]
    try:
        silent[0].sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        silent[1].sendall(b"\x16\x03\x01\x02\x00\x01")
        assert get(server, files.trusting()).status_code == 200
    finally:
        for sock in silent:
            sock.close()
    assert get(server, files.trusting()).status_code == 200


def test_renewed_certificate_is_shown_without_restart(served: tuple[Operated, Files]) -> None:
    """Within seconds of the new files, while broken ones change nothing; no process is new."""
    server, files = served
    family = {child.pid for child in psutil.Process(server.process.pid).children(recursive=True)}
    before = serial(server)
    key = files.key.read_bytes()
    files.key.write_text("half")
    wait_until(lambda: "The certificate stays as it was" in server.log)
    assert serial(server) == before
    files.key.write_bytes(key)
    files.renew()
    # Each worker looks for itself.
    wait_until(lambda: all(serial(server) != before for _ in range(8)))
    assert get(server, files.trusting()).status_code == 200
    after = psutil.Process(server.process.pid).children(recursive=True)
    assert {child.pid for child in after} == family


def test_password_is_nowhere_to_be_seen(served: tuple[Operated, Files]) -> None:
    """Not in the arguments of any process, not in the log, not in what the server tells."""
    server, files = served
    get(server, files.trusting())
    process = psutil.Process(server.process.pid)
    for each in (process, *process.children(recursive=True)):
        assert PASSWORD not in " ".join(each.cmdline())
    assert PASSWORD not in server.log
    for path in ("/info/", "/stats/", "/nothing"):
        assert PASSWORD not in get(server, files.trusting(), path).text


def test_required_client_certificates(model: Path, tmp_path: Path) -> None:
    """Whoever vouches for clients being given, those without a certificate are not answered."""
    files = make_files(tmp_path)
    words = ["--ssl-certfile", str(files.cert), "--ssl-keyfile", str(files.key)]
    words += ["--ssl-ca-certs", str(files.ca_file), "--ssl-minimum-version", "1.3"]
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    words += ["--ssl-keyfile-password-file", str(tmp_path / "password")]
    with operated(model, words, log=tmp_path / "log") as server:
        good = files.trusting()
        files.ca.issue_cert("client@example.com").configure_cert(good)
        assert get(server, good).status_code == 200
        with pytest.raises(httpx2.TransportError):
            get(server, files.trusting())
        good.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises(httpx2.TransportError):
            get(server, good)


SLOW = """
    import time
    import pandas as pd

    def load_model(code_dir):
        return 2

    def score(data, model, **kwargs):
        time.sleep(float(data["x"][0]))
        return pd.DataFrame({"Predictions": data["x"]})
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who has hung up")
@pytest.mark.parametrize("name", SERVERS)
def test_client_that_leaves_the_queue_is_seen_to_have_left(tmp_path: Path, name: str) -> None:
    """Over TLS as well: a request that nobody waits for is not run."""
    model, files = make_folder(tmp_path / "slow", custom=SLOW), make_files(tmp_path)
    words = ["--server", name, "--ssl-certfile", str(files.cert), "--ssl-keyfile", str(files.key)]
    environ = {"DRUM_SSL_KEYFILE_PASSWORD": PASSWORD}
    with operated(model, words, environ, log=tmp_path / "log") as server:
        wait_until(lambda: get(server, files.trusting(), "/readyz").status_code == 200)

        def ask(seconds: str) -> ssl.SSLSocket:
            plain = socket.create_connection(("127.0.0.1", server.port), timeout=15)
            sock = files.trusting().wrap_socket(plain, server_hostname="127.0.0.1")
            body = f"x\n{seconds}\n"
            head = "POST /predict/ HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n"
            sock.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
            return sock

        with ask("1.5") as first:
            time.sleep(0.3)
            ask("0.0").close()
            assert first.recv(12) == b"HTTP/1.1 200"
        wait_until(lambda: "answered 499" in server.log)


def _no_pem(files: Files, told: TLSSettings) -> TLSSettings:
    files.cert.write_text("hello")
    return told


def _other_key(files: Files, told: TLSSettings) -> TLSSettings:
    key = files.key.read_bytes()
    files.renew()
    files.key.write_bytes(key)
    return told


def _empty_password_file(files: Files, told: TLSSettings) -> TLSSettings:
    files.ca_file.with_name("empty").touch()
    return replace(told, password=None, password_file=files.ca_file.with_name("empty"))


def _gone(files: Files, told: TLSSettings) -> TLSSettings:
    files.key.unlink()
    return told


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (_no_pem, "is not PEM"),
        (_other_key, "the key is another's"),
        (lambda files, told: replace(told, password="no"), "password of the key is wrong"),
        (lambda files, told: replace(told, password=None), "Set DRUM_SSL_KEYFILE_PASSWORD"),
        (_empty_password_file, "password cannot be read from"),
        (lambda files, told: replace(told, ca_certs=files.key), "those who vouch for clients"),
        (_gone, "No such file"),
    ],
)
def test_wrong_files_are_explained(
    tmp_path: Path, wrong: Callable[[Files, TLSSettings], TLSSettings], message: str
) -> None:
    """In one line that names the file, and nothing secret."""
    files = make_files(tmp_path)
    told = TLSSettings(certfile=files.cert, keyfile=files.key, password=PASSWORD)
    assert Certificates(told).context.minimum_version == ssl.TLSVersion.TLSv1_2
    with pytest.raises(ServerError, match=message) as caught:
        Certificates(wrong(files, told))
    text = str(caught.value)
    assert str(tmp_path) in text
    assert "\n" not in text
    assert PASSWORD not in text


@pytest.mark.parametrize("name", SERVERS)
def test_wrong_file_keeps_the_server_from_listening(model: Path, tmp_path: Path, name: str) -> None:
    """One line, status 1, and not a moment on the port."""
    files = make_files(tmp_path)
    words = ["--server", name, "--ssl-certfile", str(files.cert), "--ssl-keyfile", str(files.key)]
    done = subprocess.run(
        command(model, words), env=variables({}), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.strip().splitlines()
    assert "the key is encrypted" in line
    assert "Listening" not in line
