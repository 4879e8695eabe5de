"""Replies share the model fairly, give their places back, and are refused where it is full."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest

from tests.apps.serve.conftest import RunFake
from tests.apps.serve.fake_decoder import FakeDecoder
from tests.apps.serve.running import Server, wait_until
from tilegrad.apps.serve.limits import Limits


def complete(server: Server, prompt: str | list[int], **options) -> str:
    return server.client.completions.create(model="tiny", prompt=prompt, **options).choices[0].text


def test_replies_are_written_at_once_and_as_alone(run_fake: RunFake):
    decoder = FakeDecoder(sequences=4)
    prompts = [f"{number} " * (number + 1) * 3 for number in range(8)]
    with run_fake(decoder) as server, ThreadPoolExecutor(8) as pool:
        options = {"max_tokens": 20, "seed": 3}
        alone = [complete(server, prompt, **options) for prompt in prompts]
        assert max(len(sequences) for name, sequences in decoder.calls if name == "step") == 1
        with decoder.held():
            together = pool.map(lambda prompt: complete(server, prompt, **options), prompts)
            wait_until(lambda: server.service.scheduler.waiting >= 4)
        assert list(together) == alone
    assert max(len(sequences) for name, sequences in decoder.calls if name == "step") == 4
    assert decoder.free_sequences == 4


def test_a_long_prompt_does_not_hold_up_the_others(run_fake: RunFake):
    decoder = FakeDecoder(chunk=8)
    with run_fake(decoder) as server, ThreadPoolExecutor(2) as pool:
        with decoder.held():
            short = pool.submit(complete, server, "ab", max_tokens=20)
            wait_until(lambda: server.service.scheduler.running == 1)
            long = pool.submit(complete, server, "x" * 200, max_tokens=2)
            wait_until(lambda: server.service.scheduler.waiting == 1)
        short.result(), long.result()
    names = [name for name, _ in decoder.calls]
    assert names.count("read") == 1 + 200 // 8
    # While both were busy, chunks of the prompt and steps came in turn.
    assert "".join(name[0] for name in names[2:40:2]) in ("r" * 19, "s" * 19)


def test_prompts_are_read_in_turn(run_fake: RunFake):
    decoder = FakeDecoder(chunk=8)
    with run_fake(decoder) as server, ThreadPoolExecutor(2) as pool:
        with decoder.held():
            long = pool.submit(complete, server, "x" * 200, max_tokens=1)
            wait_until(lambda: server.service.scheduler.running == 1)
            short = pool.submit(complete, server, "ab", max_tokens=1)
            wait_until(lambda: server.service.scheduler.waiting == 1)
        short.result(), long.result()
    lengths = [len(sequences[0].tokens) for _, sequences in decoder.calls]
    assert lengths.index(2) <= 2


def test_replies_to_one_prompt_wait_until_it_is_read(run_fake: RunFake):
    decoder = FakeDecoder(chunk=8, sequences=4)
    with run_fake(decoder) as server:
        answer = server.client.completions.create(
            model="tiny", prompt="x" * 30, n=3, seed=5, max_tokens=9
        )
        again = server.client.completions.create(
            model="tiny", prompt="x" * 30, seed=6, max_tokens=9
        )
    first = [sequences[0] for name, sequences in decoder.calls[:4]]
    assert len(set(first)) == 1
    assert len({choice.text for choice in answer.choices}) == 3
    assert answer.choices[1].text == again.choices[0].text


@pytest.mark.parametrize("is_streamed", [False, True])
def test_a_client_that_hangs_up_frees_its_place(
    run_fake: RunFake, caplog: pytest.LogCaptureFixture, is_streamed: bool
):
    decoder = FakeDecoder(context=100_000, sequences=1)
    with run_fake(decoder) as server:
        options = {"model": "tiny", "prompt": "ab", "max_tokens": 90_000}
        if is_streamed:
            with server.client.completions.create(stream=True, **options) as stream:
                next(iter(stream))
        else:
            with pytest.raises(openai.APITimeoutError):
                server.client.completions.create(timeout=0.5, **options)
        wait_until(lambda: decoder.free_sequences == 1)
        assert complete(server, "ab", max_tokens=1)
        assert server.metric("running_replies") == 0
        assert server.metric('tokens_total{kind="written"}') < 90_000
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_who_waits_and_hangs_up_is_forgotten(run_fake: RunFake):
    decoder = FakeDecoder(sequences=1)
    with run_fake(decoder) as server:
        with decoder.held(), pytest.raises(openai.APITimeoutError):
            server.client.completions.create(model="tiny", prompt="ab", timeout=0.2)
        assert complete(server, "ab")
        assert decoder.free_sequences == 1


def test_too_many_are_told_to_come_back(run_fake: RunFake):
    decoder = FakeDecoder(sequences=1)
    limits = Limits(waiting=2)
    with run_fake(decoder, limits=limits) as server, ThreadPoolExecutor(3) as pool:
        scheduler = server.service.scheduler
        taken = []
        with decoder.held():
            for waiting in range(3):
                taken.append(pool.submit(complete, server, "ab", seed=1))
                wait_until(lambda most=waiting: (scheduler.running, scheduler.waiting) == (1, most))
            body = json.dumps({"model": "tiny", "prompt": "ab"}).encode()
            kind = {"Content-Type": "application/json"}
            status, headers, answer = server.ask("POST", "/v1/completions", body, kind)
            assert (status, headers["Retry-After"]) == (503, "1")
            assert json.loads(answer)["error"]["code"] == "overloaded"
        assert len({each.result() for each in taken}) == 1


def test_a_reply_that_takes_too_long_is_given_up(run_fake: RunFake):
    decoder = FakeDecoder(sequences=1)
    with run_fake(decoder, limits=Limits(seconds=0.2)) as server:
        late = r"longer than 0\.2 seconds"
        with decoder.held():
            with pytest.raises(openai.InternalServerError, match=late) as caught:
                complete(server, "ab")
            assert caught.value.status_code == 504
            stream = server.client.completions.create(model="tiny", prompt="ab", stream=True)
            with pytest.raises(openai.APIError, match=late):
                list(stream)
        wait_until(lambda: decoder.free_sequences == 1)


def test_a_model_that_fails_is_told_of_and_may_recover(run_fake: RunFake):
    decoder = FakeDecoder()
    with run_fake(decoder) as server:
        decoder.is_broken = True
        with pytest.raises(openai.InternalServerError, match="the device is gone"):
            complete(server, "ab")
        decoder.is_broken = False
        assert complete(server, "ab")
        assert server.metric("failures_total") == 1
    assert decoder.free_sequences == 4


def test_logits_that_are_no_numbers_end_that_reply_alone(run_fake: RunFake):
    decoder = FakeDecoder()
    decoder.wrong = 5
    with run_fake(decoder) as server:
        with pytest.raises(openai.InternalServerError, match="no token a probability"):
            complete(server, [decoder.wrong])
        assert complete(server, "ab")
        assert server.metric("failures_total") == 1
    assert decoder.free_sequences == 4


@pytest.mark.parametrize(("times", "seconds"), [(1, 0), (2, 1000)])
def test_a_server_that_stops_tells_those_it_does_not_wait_for(
    run_fake: RunFake, caplog: pytest.LogCaptureFixture, times: int, seconds: int
):
    decoder = FakeDecoder(context=100_000)
    options = {"model": "tiny", "prompt": "ab", "max_tokens": 90_000}
    with run_fake(decoder, limits=Limits(grace_seconds=seconds)) as server:
        stream = server.client.completions.create(stream=True, **options)
        next(iter(stream))
        for _ in range(times):
            server.interrupt()
        with pytest.raises(openai.APIError, match="the server is stopping"):
            list(stream)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_error_of_ours_ends_the_thread_but_nobody_waits_for_it(
    run_fake: RunFake, monkeypatch: pytest.MonkeyPatch
):
    decoder = FakeDecoder(sequences=1)
    with run_fake(decoder) as server, ThreadPoolExecutor(2) as pool:
        with decoder.held():
            replies = [pool.submit(complete, server, "ab", max_tokens=1)]
            wait_until(lambda: server.service.scheduler.running == 1)
            monkeypatch.setattr(decoder, "open", lambda _tokens: 1 // 0)
            replies.append(pool.submit(complete, server, "ab"))
            wait_until(lambda: server.service.scheduler.waiting == 1)
        assert replies[0].result()
        with pytest.raises(openai.InternalServerError, match="stopping"):
            replies[1].result()
        assert server.ask("GET", "/health")[0] == 503


def test_closing_ends_what_runs_and_what_waits(run_fake: RunFake):
    decoder = FakeDecoder(context=100_000, sequences=1)
    with run_fake(decoder) as server, ThreadPoolExecutor(2) as pool:
        options = {"max_tokens": 90_000}
        replies = [pool.submit(complete, server, "ab", **options) for _ in range(2)]
        wait_until(lambda: server.service.scheduler.waiting == 1)
        server.service.scheduler.close()
        for reply in replies:
            with pytest.raises(openai.InternalServerError, match="stopping"):
                reply.result()
        assert server.ask("GET", "/health")[0] == 503
        with pytest.raises(openai.InternalServerError, match="stopping"):
            complete(server, "ab")
    assert not [thread for thread in threading.enumerate() if thread.name == "model"]
