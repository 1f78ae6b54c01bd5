"""The unmodified openai client against every server, with plain and with asynchronous hooks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.chat import ChatCompletionMessageParam

from tests.chat.conftest import ChatServer

SAID: list[ChatCompletionMessageParam] = [{"role": "user", "content": "hello"}]


def saying(text: str) -> list[ChatCompletionMessageParam]:
    """The messages of a user who says one thing."""
    return [{"role": "user", "content": text}]


@pytest.fixture
def client(server: ChatServer) -> Iterator[OpenAI]:
    """The synchronous client; it does not try again."""
    with OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0, timeout=10) as client:
        yield client


def async_client(server: ChatServer) -> AsyncOpenAI:
    """The asynchronous client; it does not try again."""
    return AsyncOpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0, timeout=10)


def streamed(client: OpenAI, model: str, said: str = "hello") -> list[str]:
    """The texts of all chunks."""
    chunks = client.chat.completions.create(model=model, messages=saying(said), stream=True)
    return [choice.delta.content or "" for chunk in chunks for choice in chunk.choices]


def test_completion_with_its_usage(client: OpenAI) -> None:
    """A whole answer comes as the hook made it, with the tokens it counted."""
    answer = client.chat.completions.create(model="parrot", messages=SAID)
    assert answer.choices[0].message.content == "hello"
    assert answer.usage is not None
    assert answer.usage.total_tokens == 7
    assert answer.usage.completion_tokens_details is not None
    assert answer.usage.completion_tokens_details.reasoning_tokens == 2


def test_tool_calls_pass_untouched(client: OpenAI) -> None:
    """Tool calls come as the hook made them, beyond ASCII too."""
    answer = client.chat.completions.create(model="tools", messages=SAID)
    calls = answer.choices[0].message.tool_calls
    assert calls is not None
    assert calls[0].to_dict() == {
        "id": "call_1",
        "type": "function",
        "function": {"name": "weather", "arguments": '{"city": "Zürich"}'},
    }


def test_dict_is_an_answer(client: OpenAI) -> None:
    """A hook may return the completion as a dict."""
    answer = client.chat.completions.create(model="dict", messages=SAID)
    assert answer.choices[0].message.content == "hello"


def test_request_headers_reach_the_hook(client: OpenAI) -> None:
    """The hook is told the headers of the request."""
    answer = client.chat.completions.create(
        model="headers", messages=SAID, extra_headers={"X-Told": "a secret"}
    )
    assert answer.choices[0].message.content == "a secret"


def test_association_id_is_the_clients(client: OpenAI) -> None:
    """The association id of the request is that of the answer, and of each chunk."""
    sent = {"datarobot_association_id": "mine"}
    answer = client.chat.completions.create(model="parrot", messages=SAID, extra_body=sent)
    assert answer.to_dict()["datarobot_association_id"] == "mine"
    for model in ("words", "dicts"):
        chunks = client.chat.completions.create(
            model=model, messages=SAID, extra_body=sent, stream=True
        )
        assert {chunk.to_dict()["datarobot_association_id"] for chunk in chunks} == {"mine"}


def test_association_id_is_made(client: OpenAI) -> None:
    """Without one in the request, all chunks have the same new one."""
    chunks = client.chat.completions.create(model="words", messages=SAID, stream=True)
    ids = {str(chunk.to_dict()["datarobot_association_id"]) for chunk in chunks}
    assert [len(text) for text in ids] == [36]


def test_stream_with_usage(client: OpenAI) -> None:
    """Chunks come in order, the one that only counts tokens last."""
    chunks = list(client.chat.completions.create(model="words", messages=SAID, stream=True))
    assert [chunk.choices[0].delta.content for chunk in chunks[:-1]] == ["one ", "two ", "three"]
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 4


@pytest.mark.parametrize(("model", "texts"), [("dicts", ["d"]), ("list", ["one ", "two"])])
def test_other_streams(client: OpenAI, model: str, texts: list[str]) -> None:
    """Chunks may be dicts, and may come in a list."""
    assert streamed(client, model) == texts


def test_empty_stream(client: OpenAI) -> None:
    """A stream without chunks is an empty answer, and no error."""
    assert streamed(client, "empty") == []


def test_context_is_kept_in_every_chunk(client: OpenAI) -> None:
    """A context variable that the hook has set is there in each chunk."""
    assert streamed(client, "context", "me") == ["me ", "me ", "me "]


def test_first_chunk_leaves_at_once(client: OpenAI, server: ChatServer) -> None:
    """A chunk arrives while the hook waits to make the next."""
    gate = server.folder / "gate"
    chunks = client.chat.completions.create(model="gate", messages=SAID, stream=True)
    assert next(chunks).choices[0].delta.content == "first"
    gate.touch()
    try:
        assert next(chunks).choices[0].delta.content == "opened"
    finally:
        gate.unlink()
        chunks.close()


def test_stream_is_closed_when_the_client_leaves(client: OpenAI, server: ChatServer) -> None:
    """Within a second of the client's leaving, the hook's generator is closed where it ran."""
    chunks = client.chat.completions.create(model="endless", messages=saying("bye"), stream=True)
    next(chunks)
    chunks.close()
    began = time.monotonic()
    where = "same thread" if server.hooks == "plain" else "same task"
    assert server.noted(f"closed endless bye {where}")
    assert time.monotonic() - began < 1.0


def test_error_in_mid_stream(client: OpenAI, server: ChatServer) -> None:
    """What a hook raises between chunks reaches the client as an error, the log as a traceback."""
    chunks = client.chat.completions.create(model="broken", messages=SAID, stream=True)
    assert next(chunks).choices[0].delta.content == "first"
    with pytest.raises(openai.APIError, match="the parrot fell off") as caught:
        next(chunks)
    assert caught.value.type == "server_error"
    assert server.noted("closed broken")
    assert 'raise ValueError("the parrot fell off")' in server.log()
    assert "Traceback" in server.log()


def test_refusal_in_mid_stream(client: OpenAI) -> None:
    """An error with a status of the hook's choice has its message also in mid-stream."""
    chunks = client.chat.completions.create(model="refused", messages=SAID, stream=True)
    next(chunks)
    with pytest.raises(openai.APIError, match="no more") as caught:
        next(chunks)
    assert (caught.value.type, caught.value.code) == ("rate_limit_error", "model_refused")


@pytest.mark.parametrize("model", ["fail", "stillborn"])
def test_error_before_the_first_chunk(client: OpenAI, model: str) -> None:
    """What a hook raises before anything is sent is status 500, with what it said."""
    with pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(model=model, messages=SAID, stream=True)
    assert caught.value.type == "server_error"
    assert caught.value.request_id
    assert isinstance(caught.value.body, dict)
    assert "ValueError: " in caught.value.body["message"]


def test_refusal(client: OpenAI) -> None:
    """A hook chooses the status; the client raises the error for it."""
    with pytest.raises(openai.RateLimitError, match="not today") as caught:
        client.chat.completions.create(model="refuse", messages=SAID)
    assert caught.value.response.headers["x-drum-user-http-error"] == "true"


@pytest.mark.parametrize("model", ["number", "numbers"])
def test_what_is_no_answer(client: OpenAI, model: str) -> None:
    """A hook that returns anything else is told what was expected and what came."""
    with pytest.raises(openai.InternalServerError, match=r"Iterable\[ChatCompletionChunk\]"):
        client.chat.completions.create(model=model, messages=SAID)


@pytest.mark.parametrize(
    ("model", "told"), [("exit", r"called sys\.exit\(3\)"), ("cancelled", "raised CancelledError")]
)
def test_no_error_of_a_hook_ends_the_server(client: OpenAI, model: str, told: str) -> None:
    """A hook that calls sys.exit, or whose own task was cancelled, fails its own request only."""
    with pytest.raises(openai.InternalServerError, match=told):
        client.chat.completions.create(model=model, messages=SAID)
    answer = client.chat.completions.create(model="parrot", messages=SAID)
    assert answer.choices[0].message.content == "hello"


def test_models_are_for_text_generation(client: OpenAI) -> None:
    """The list of models of another target type is not found."""
    with pytest.raises(openai.NotFoundError, match="is supported only for TextGen models"):
        client.models.list()


def test_asynchronous_client(server: ChatServer) -> None:
    """The asynchronous client gets the same answers, whole and streamed, and the same errors."""

    async def talk() -> tuple[str | None, list[str | None]]:
        async with async_client(server) as client:
            whole = await client.chat.completions.create(model="parrot", messages=SAID)
            chunks = await client.chat.completions.create(model="list", messages=SAID, stream=True)
            texts = [chunk.choices[0].delta.content async for chunk in chunks]
            broken = await client.chat.completions.create(
                model="broken", messages=SAID, stream=True
            )
            with pytest.raises(openai.APIError, match="the parrot fell off"):
                _ = [chunk async for chunk in broken]
            with pytest.raises(openai.BadRequestError, match="messages"):
                await client.chat.completions.create(model="parrot", messages=[])
            return whole.choices[0].message.content, texts

    assert asyncio.run(talk()) == ("hello", ["one ", "two"])


def test_plain_hook_that_is_sometimes_asynchronous(client: OpenAI, server: ChatServer) -> None:
    """A plain function may return something to be awaited, which may give a stream."""
    if server.hooks != "plain":
        pytest.skip("the asynchronous hook is always so")
    answer = client.chat.completions.create(model="later", messages=SAID)
    assert answer.choices[0].message.content == "later"
    chunks = client.chat.completions.create(model="later", messages=SAID, stream=True)
    assert [chunk.choices[0].delta.content for chunk in chunks] == ["la", "ter"]


def test_asynchronous_hook_with_a_plain_generator(client: OpenAI, server: ChatServer) -> None:
    """A coroutine may return a plain generator, which runs in one thread."""
    if server.hooks != "async":
        pytest.skip("for the asynchronous hook")
    assert streamed(client, "blocking") == ["one same ", "twosame "]
    assert server.noted("closed blocking")


@pytest.mark.parametrize("own", [True, False])
def test_plain_generator_of_asynchronous_hook_is_closed_in_its_thread(
    client: OpenAI, server: ChatServer, own: bool
) -> None:
    """When the client leaves while a blocking stream is at work, its thread closes it, later."""
    if server.hooks != "async":
        pytest.skip("for the asynchronous hook")
    chunks = client.chat.completions.create(
        model="lingering", messages=SAID, stream=True, extra_body={"own": own}
    )
    next(chunks)
    chunks.close()
    assert server.noted(f"closed lingering {'source' if own else 'items'} same thread")
    assert not server.noted("closed lingering source another thread", 0.1)
    assert "could not be closed" not in server.log()


def test_asynchronous_hooks_run_together(server: ChatServer) -> None:
    """Five requests that wait for each other are answered: none waits for a slot."""
    if server.hooks != "async":
        pytest.skip("plain hooks run one at a time")

    async def talk() -> list[str | None]:
        async with async_client(server) as client:
            answers = await asyncio.gather(
                *(client.chat.completions.create(model="together", messages=SAID) for _ in range(5))
            )
        return [answer.choices[0].message.content for answer in answers]

    said = asyncio.run(talk())
    assert len(said) == 5
    assert "5 at once" in said


@pytest.mark.parametrize("model", ["hang", "stuck"])
def test_asynchronous_hook_is_cancelled_when_the_client_leaves(
    client: OpenAI, server: ChatServer, model: str
) -> None:
    """A hook that waits, before or in its stream, is cancelled in a second, and may clean up."""
    if server.hooks != "async":
        pytest.skip("a plain function cannot be interrupted")
    if model == "hang":
        with pytest.raises(openai.APITimeoutError):
            client.with_options(timeout=0.3).chat.completions.create(model=model, messages=SAID)
    else:
        chunks = client.chat.completions.create(model=model, messages=SAID, stream=True)
        next(chunks)
        chunks.close()
    began = time.monotonic()
    assert server.noted("cancelled hang" if model == "hang" else "closed stuck hello same task")
    assert time.monotonic() - began < 1.0
