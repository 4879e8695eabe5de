"""What is malformed, huge or slow gets an answer that says so, and harms nobody else."""

from __future__ import annotations

import contextlib
import json
import socket
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.apps.serve.conftest import RunFake
from tests.apps.serve.fake_decoder import FakeDecoder
from tests.apps.serve.running import Server, wait_until
from tilegrad.apps.serve.limits import Limits

KIND = {"Content-Type": "application/json"}
BODIES: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {
        "model": "tiny",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}],
        "max_tokens": 2,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "x", "schema": {"type": "object", "properties": {"a": {}}}},
        },
        "stream_options": {"include_usage": True},
        "stop": ["x"],
        "logit_bias": {"7": 1},
        "top_logprobs": 1,
        "logprobs": True,
    },
    "/v1/completions": {"model": "tiny", "prompt": [[2, 3], [4]], "max_tokens": 2, "logprobs": 1},
    "/v1/embeddings": {"model": "tiny", "input": ["x"], "encoding_format": "base64"},
}
PATHS = st.sampled_from(sorted(BODIES))
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(10**18, 10**40)
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.sampled_from(["system", "text", "json_schema", "tiny", "$ref", "\u0000", "-1"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "schema", "text", "7"]), inner, max_size=3)
    ),
    max_leaves=6,
)


def post(server: Server, path: str, body: bytes) -> tuple[int, Any]:
    status, headers, answer = server.ask("POST", path, body, KIND)
    if headers["Content-Type"].startswith("text/event-stream"):
        return status, None
    return status, json.loads(answer)


def check_refusal(status: int, answer: Any) -> None:
    assert 400 <= status < 500
    assert answer["error"].keys() == {"message", "type", "param", "code"}
    assert answer["error"]["type"] == "invalid_request_error"
    assert 0 < len(answer["error"]["message"]) < 1000


def list_places(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths to all values within a value."""
    keys: list[Any] = []
    if isinstance(value, dict):
        keys = list(value)
    elif isinstance(value, list):
        keys = list(range(len(value)))
    return [place, *(found for key in keys for found in list_places(value[key], (*place, key)))]


def replace(value: Any, place: tuple[Any, ...], new: Any) -> Any:
    """Return a value with another one in a place within."""
    if not place:
        return new
    changed = value.copy()
    changed[place[0]] = replace(value[place[0]], place[1:], new)
    return changed


@settings(max_examples=60)
@given(data=st.data(), path=PATHS, value=VALUES)
def test_any_wrong_value_is_refused_or_makes_sense(
    fake_server: Server, data, path: str, value: Any
):
    body = BODIES[path]
    places = [place for place in list_places(body) if place != ("max_tokens",)]
    place = data.draw(st.sampled_from(places))
    status, answer = post(fake_server, path, json.dumps(replace(body, place, value)).encode())
    if status != 200:
        check_refusal(status, answer)


@pytest.mark.parametrize(
    ("path", "change", "param"),
    [
        ("completions", {"prompt": [2, -1]}, "prompt.1"),
        ("completions", {"prompt": ["a", [1]]}, "prompt"),
        ("completions", {"stop": ["a"] * 17}, "stop"),
        ("chat/completions", {"messages": [{"role": "user"}]}, "messages.0.content"),
        (
            "chat/completions",
            {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
            "messages.0.content.0.type",
        ),
        (
            "chat/completions",
            {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": 1}}},
            "response_format.json_schema.schema",
        ),
    ],
)
def test_what_is_wrong_is_named(fake_server: Server, path: str, change: dict[str, Any], param: str):
    path = f"/v1/{path}"
    status, answer = post(fake_server, path, json.dumps(BODIES[path] | change).encode())
    check_refusal(status, answer)
    assert answer["error"]["param"] == param


@settings(max_examples=30)
@given(path=PATHS, body=st.binary(max_size=40) | st.text(max_size=20).map(str.encode))
def test_bytes_that_are_no_request_are_refused(fake_server: Server, path: str, body: bytes):
    check_refusal(*post(fake_server, path, body))


@settings(max_examples=60)
@given(
    path=PATHS,
    cut=st.integers(0, 400),
    junk=st.binary(max_size=4) | st.sampled_from([b"\xff", b'"\\ud800"', b"NaN", b"1e999", b"\0"]),
)
def test_a_body_with_bytes_put_in_is_refused_or_makes_sense(
    fake_server: Server, path: str, cut: int, junk: bytes
):
    whole = json.dumps(BODIES[path]).encode()
    status, answer = post(fake_server, path, whole[:cut] + junk + whole[cut:])
    if status != 200:
        check_refusal(status, answer)


@settings(max_examples=60)
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"]),
    path=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=12),
    name=st.from_regex(r"[A-Za-z-]{1,12}", fullmatch=True)
    | st.sampled_from(["Host", "Content-Type", "Authorization", "Content-Length", "Origin"]),
    value=st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=20),
)
def test_any_path_and_header_gets_an_answer(
    fake_server: Server, method: str, path: str, name: str, value: str
):
    line = f"{method} /{path} HTTP/1.1\r\nConnection: close\r\n{name}: {value}\r\n"
    if name.lower() != "host":
        line += f"Host: localhost:{fake_server.port}\r\n"
    with socket.create_connection(("127.0.0.1", fake_server.port), timeout=10) as connection:
        connection.sendall(f"{line}\r\n".encode("latin-1"))
        connection.shutdown(socket.SHUT_WR)
        answer = connection.makefile("rb").read()
    # Nobody is left to answer where a body was promised that does not come.
    assert answer == b"" or b"HTTP/1.1 2" <= answer[:10] < b"HTTP/1.1 5"


@pytest.mark.parametrize("depth", [300, 100_000])
@pytest.mark.parametrize("bracket", ["[]", "{}"])
def test_deep_json_is_refused(fake_server: Server, depth: int, bracket: str):
    opening = "[" if bracket == "[]" else '{"a":'
    deep = opening * depth + "1" + bracket[1] * depth
    for path in BODIES:
        check_refusal(
            *post(fake_server, path, b'{"model": "tiny", "prompt": ' + deep.encode() + b"}")
        )
    schema = b'{"type": "array", "items": ' * depth + b"{}" + b"}" * depth
    path = "/v1/chat/completions"
    whole = json.dumps(BODIES[path]).encode()
    start = b'{"type": "object", '
    assert start in whole
    check_refusal(*post(fake_server, path, whole.replace(start, start + b'"a": ' + schema + b", ")))


def test_hard_schemas_do_not_hold_up_the_others(fake_server: Server):
    properties = {
        f"{first}{second}": {"type": "string", "pattern": "^(a|b)*c{1,900}(x{1,90}y{1,90}){1,90}$"}
        for first in range(40)
        for second in range(40)
    }
    schema = {"anyOf": [{"type": "object", "properties": properties}] * 20}
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    path = "/v1/chat/completions"
    check_refusal(
        *post(fake_server, path, json.dumps(BODIES[path] | {"response_format": form}).encode())
    )


def test_what_is_too_large_is_refused(run_fake: RunFake):
    with run_fake(FakeDecoder(), limits=Limits(body=10_000, body_seconds=0.3)) as server:
        path = "/v1/completions"
        for size in (10_000, 70_000, 1_000_000):
            status, answer = post(server, path, json.dumps({"prompt": "x" * size}).encode())
            assert (status, answer["error"]["code"]) == (413, "request_too_large")
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
            head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            connection.sendall(f"{head}Content-Length: 100\r\n\r\nslow".encode())
            assert connection.recv(100).startswith(b"HTTP/1.1 408")
        headers = {f"X-{number}": "x" * 8000 for number in range(20)}
        # The server may be gone before the client has sent all that it does not want to hear.
        with contextlib.suppress(ConnectionError):
            assert server.ask("GET", "/health", headers=headers)[0] == 400
        assert server.ask("GET", "/health")[0] == 200


def test_who_sends_half_a_request_is_let_go(run_fake: RunFake):
    half, rest = b"GET /health HTTP/1.1\r\nHost: loc", b"alhost\r\n\r\n"
    with run_fake(FakeDecoder(), limits=Limits(body_seconds=0.3)) as server:
        for parts in ([], [half], [half + rest, half]):
            with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
                for number, part in enumerate(parts):
                    if number:
                        assert connection.recv(1000).startswith(b"HTTP/1.1 200")
                    connection.sendall(part)
                while connection.recv(1000):  # to the end of the connection
                    pass


@pytest.mark.parametrize("is_streamed", [False, True])
def test_who_does_not_read_is_let_go(run_fake: RunFake, is_streamed: bool):
    body = {"prompt": "x", "model": "tiny", "logprobs": 5, "max_tokens": 200, "n": 16}
    data = json.dumps(body | {"stream": is_streamed}).encode()
    head = "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    with run_fake(FakeDecoder(), limits=Limits(body_seconds=0.3)) as server:
        with socket.socket() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**12)
            connection.connect(("127.0.0.1", server.port))
            connection.sendall(f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data)
            wait_until(lambda: server.metric('tokens_total{kind="written"}') > 0)
            wait_until(lambda: server.connections() == 0)
        wait_until(lambda: server.metric("running_replies") == 0)


def test_a_text_that_cannot_fit_is_refused_unread(run_fake: RunFake):
    with run_fake(FakeDecoder()) as server:
        for path, part in (("/v1/completions", "prompt"), ("/v1/chat/completions", "messages")):
            text = "x" * 3_000_000
            value = text if part == "prompt" else [{"role": "user", "content": text}]
            body = {"model": "tiny", "max_tokens": 2, part: value}
            status, answer = post(server, path, json.dumps(body).encode())
            assert (status, answer["error"]["code"]) == (400, "context_length_exceeded")
            assert "bytes" in answer["error"]["message"]


def test_pages_of_other_sites_are_kept_out(fake_server: Server):
    body = json.dumps(BODIES["/v1/completions"]).encode()
    status, _, answer = fake_server.ask(
        "POST", "/v1/completions", body, {"Content-Type": "text/plain"}
    )
    assert status == 415
    assert "application/json" in json.loads(answer)["error"]["message"]
    status, _, answer = fake_server.ask("GET", "/v1/models", headers={"Host": "evil.example:80"})
    assert (status, json.loads(answer)["error"]["code"]) == (400, "invalid_host")
    for host in ("localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:8000"):
        assert fake_server.ask("GET", "/v1/models", headers={"Host": host})[0] == 200


def test_too_many_replies_of_one_request_are_refused(fake_server: Server):
    body = BODIES["/v1/completions"]
    check_refusal(*post(fake_server, "/v1/completions", json.dumps(body | {"n": 100}).encode()))
    many = body | {"prompt": ["x"] * 1000}
    check_refusal(*post(fake_server, "/v1/completions", json.dumps(many).encode()))


def test_nothing_is_left_running(fake_server: Server):
    wait_until(lambda: fake_server.metric("running_replies") == 0)
    assert fake_server.metric("waiting_replies") == 0
    assert fake_server.service.scheduler.is_serving
