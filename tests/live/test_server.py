"""Who may use the server, and what it does with requests that are not from its page."""

import http.client
import json
import struct
from urllib.parse import urlsplit

import numpy as np
import pytest

from keras_qd.live.messages import MOST_BYTES, pack, unpack
from tests.command import whole_chain

pytestmark = whole_chain

client = pytest.importorskip("websockets.sync.client")
exceptions = pytest.importorskip("websockets.exceptions")

POTENTIAL = np.zeros((64, 64))
SOLVE = {"kind": "solve", "id": 1, "n_electrons": 1}


def answer(served, path, method="GET", body=None, **headers):
    """Return status, headers and content of a response."""
    connection = http.client.HTTPConnection(served.host, timeout=10)
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    found = response.status, response.headers, response.read()
    connection.close()
    return found


def page(served):
    return f"/{served.token}/"


def connected(served, token=None, origin="own", **options):
    """Open the WebSocket as a browser does."""
    origin = f"http://{served.host}" if origin == "own" else origin
    address = f"ws://{served.host}/{token or served.token}/socket"
    return client.connect(address, origin=origin, **options)


def received(socket, event, timeout=20):
    """Return the next message of an event."""
    while True:
        header, body = unpack(socket.recv(timeout=timeout))
        if header["event"] == event:
            return header, body


def test_the_page_allows_nothing_from_elsewhere(served):
    status, headers, content = answer(served, page(served))
    assert status == 200
    assert b"<title>keras-qd live</title>" in content
    assert headers["content-security-policy"].startswith("default-src 'self'; ")
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    assert served.token.encode() not in content


def test_the_token_is_asked_for(served):
    for path in ("/", "/settings.json", f"/{served.token[:-1]}x/", f"/{served.token}x/"):
        assert answer(served, path)[0] == 404
    with pytest.raises(exceptions.InvalidStatus) as refusal, connected(served, token="x" * 32):
        pass
    assert refusal.value.response.status_code == 403


@pytest.mark.parametrize("host", ["example.org", "example.org:80", "127.0.0.1", ""])
def test_other_names_of_this_machine_are_refused(served, host):
    """A name of another's domain may be made to point here: DNS rebinding."""
    assert answer(served, page(served), Host=host)[0] == 421


@pytest.mark.parametrize("origin", ["http://example.org", "https://{host}", "null", ""])
def test_foreign_origins_are_refused(served, origin):
    origin = origin.format(host=served.host)
    assert answer(served, page(served), Origin=origin)[0] == 403
    with pytest.raises(exceptions.InvalidStatus), connected(served, origin=origin or None):
        pass
    assert answer(served, page(served), Origin=f"http://{served.host}")[0] == 200


@pytest.mark.parametrize(
    "path", ["../pyproject.toml", "..%2f..%2fetc%2fpasswd", "%2fetc/passwd", "worker.py", "page/"]
)
def test_no_path_leads_to_the_file_system(served, path):
    assert answer(served, page(served) + path)[0] == 404


def test_bodies_are_refused(served):
    assert answer(served, page(served), "POST", b"x")[0] == 405
    assert answer(served, page(served), "GET", b"x")[0] == 413


def test_requests_are_answered_in_numbers(served):
    with connected(served) as socket:
        socket.send(pack(SOLVE, [POTENTIAL]))
        header, density = received(socket, "exact")
    assert header["energy"] == pytest.approx(np.pi**2 / 100, abs=1e-6)
    assert density.sum() * (10 / 64) ** 2 == pytest.approx(1, abs=1e-5)


def test_an_oversized_message_closes_the_connection(served):
    with connected(served) as socket:
        socket.send(b"x" * (MOST_BYTES + 1))
        with pytest.raises(exceptions.ConnectionClosed) as closed:
            socket.recv(timeout=10)
    assert closed.value.rcvd.code == 1009


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"", "bytes"),
        (struct.pack("<I", 10**6), "do not fill it"),
        (struct.pack("<I", 4) + b"\xff\xfe\xfd\xfc", "not JSON"),
        (struct.pack("<I", 4) + b"[1] ", "must be an object"),
        (pack({"kind": "open", "path": "/etc/passwd"}), "unknown request"),
        (pack(SOLVE, [np.zeros((8, 8))]), "64 x 64 numbers, got 64"),
        (pack(SOLVE, [np.full((64, 64), np.nan)]), "must be finite"),
        (pack(SOLVE, [np.full((64, 64), 1e9)]), "must be finite and at most"),
        (pack({**SOLVE, "n_pixels": 10**6}), "n_pixels must be a whole number"),
        (pack({**SOLVE, "n_electrons": 7}, [POTENTIAL]), "n_electrons must be"),
        (pack({**SOLVE, "length": "ten"}, [POTENTIAL]), "length must be a number"),
        (pack({**SOLVE, "interaction": {"interaction": "x"}}, [POTENTIAL]), "interaction 'x'"),
        (pack({**SOLVE, "interaction": [1]}, [POTENTIAL]), "table of settings"),
        (pack({**SOLVE, "kind": "sample", "family": 3}), "family must be a short text"),
    ],
)
def test_malformed_requests_are_refused(served, message, reason):
    with connected(served) as socket:
        socket.send(message)
        assert reason in received(socket, "refused")[0]["message"]
        socket.send(pack(SOLVE, [POTENTIAL]))
        received(socket, "exact")


def test_an_unknown_family_is_an_error_of_its_own(served):
    with connected(served) as socket:
        socket.send(pack({"kind": "sample", "id": 3, "family": "parabolc"}))
        header, _ = received(socket, "error")
    assert header["id"] == 3
    assert "did you mean 'parabolic'" in header["message"]


def test_too_many_requests_close_the_connection(served):
    def flood(socket):
        for _ in range(2000):
            socket.send(pack({"kind": "stop"}))
        received(socket, "never")

    with connected(served) as socket, pytest.raises(exceptions.ConnectionClosed) as closed:
        flood(socket)
    assert closed.value.rcvd.code == 1008


def test_of_requests_that_wait_only_the_newest_is_answered(served):
    with connected(served) as socket:
        for each in range(1, 11):
            socket.send(pack({**SOLVE, "id": each, "n_electrons": 3}, [POTENTIAL]))
        answered = []
        while 10 not in answered:
            answered.append(received(socket, "done")[0]["id"])
    assert len(answered) < 6


def test_a_late_draft_leaves_the_full_solution_of_the_same_drawing(served):
    with connected(served) as socket:
        for kind in ("solve", "draft"):
            request = {"kind": kind, "id": 4, "n_electrons": 2}
            socket.send(pack(request, [POTENTIAL]))
        drafts = {received(socket, "exact", 120)[0]["draft"] for _ in range(2)}
    assert drafts == {True, False}


def test_an_inversion_is_stopped(served):
    x, y = np.meshgrid(np.arange(64), np.arange(64))
    picture = ((abs(x - 30) < 14) & (abs(y - 34) < 3)) | ((abs(x - 45) < 3) & (abs(y - 20) < 9))
    request = {"kind": "invert", "id": 5, "n_electrons": 2, "tolerance": 1e-5}
    with connected(served) as socket:
        socket.send(pack(request, [picture]))
        residuals = [received(socket, "iteration")[0]["residuals"] for _ in range(2)]
        socket.send(pack({"kind": "stop"}))
        assert received(socket, "done")[0] == {"event": "done", "kind": "invert", "id": 5}
    assert len(residuals[1]) > len(residuals[0]) > 0


def test_settings_are_those_of_physics(served):
    settings = json.loads(answer(served, page(served) + "settings.json")[2])
    assert settings["n_pixels"] == 64
    assert "GaAs" in [each["name"] for each in settings["materials"]]
    assert {"parabolic", "gate-array"} <= set(settings["families"])
    # viridis ends in yellow
    assert settings["colours"]["field"][-3:] == [253, 231, 36]
    assert urlsplit(served.address).hostname == "127.0.0.1"
