"""The loopback proxy adds the endpoint's key, streams answers as they come, and lets the key out nowhere else."""

import asyncio
import base64
import contextlib
import json
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import ClientSession, web

from steps.benchmark.key_proxy import key_proxy
from steps.benchmark.readiness import wait_until_it_answers
from steps.benchmark.secret_texts import SecretTexts
from steps.endpoint import Endpoint
from steps.errors import AuthError, InvalidInputError, NetworkError, NotFoundError
from tests.benchmarking.openai_server import OpenAIServer, serving

KEY = "sk-real/secret+value="
BODY = {"model": "tiny", "messages": [{"role": "user", "content": "x"}], "max_tokens": 3, "stream": True}
Use = Callable[[ClientSession, str], Awaitable[None]]


def through_proxy(target: str, use: Use, local_key: str = "local") -> None:
    async def run() -> None:
        async with key_proxy(target, KEY, "local") as url, ClientSession() as session:
            session.headers["Authorization"] = f"Bearer {local_key}"
            await use(session, url)

    asyncio.run(run())


def test_real_key_reaches_the_endpoint_and_the_local_one_does_not() -> None:
    with serving(OpenAIServer(key=KEY)) as server:

        async def use(session: ClientSession, url: str) -> None:
            async with session.post(f"{url}/v1/chat/completions", json=BODY) as answer:
                assert answer.status == 200
                assert answer.headers["Content-Type"].startswith("text/event-stream")
                text = await answer.text()
            assert text.count("word") == 3
            assert text.rstrip().endswith("[DONE]")

        through_proxy(server.url, use)
    assert server.authorizations == [f"Bearer {KEY}"]


def test_another_program_on_the_machine_cannot_use_it() -> None:
    with serving(OpenAIServer(key=KEY)) as server:

        async def use(session: ClientSession, url: str) -> None:
            async with session.post(f"{url}/v1/chat/completions", json=BODY) as answer:
                assert answer.status == 401

        through_proxy(server.url, use, local_key="guess")
    assert server.authorizations == []


def test_an_error_that_repeats_the_key_is_cleaned() -> None:
    with serving(OpenAIServer(key=KEY, fails=lambda _n, _body: True)) as server:

        async def use(session: ClientSession, url: str) -> None:
            async with session.post(f"{url}/v1/chat/completions", json=BODY) as answer:
                text = await answer.text()
            assert answer.status == 500
            assert "injected fault" in text
            assert KEY not in text

        through_proxy(server.url, use)


def test_tokens_are_passed_on_as_they_come() -> None:
    """The endpoint sends its second token only after the client has seen the first."""

    async def run() -> None:
        seen = asyncio.Event()

        async def chat(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse()
            await response.prepare(request)
            await response.write(b"data: first\n\n")
            await asyncio.wait_for(seen.wait(), 20)
            await response.write(b"data: second\n\n")
            return response

        app = web.Application()
        app.router.add_post("/v1/chat/completions", chat)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        target = f"http://127.0.0.1:{runner.addresses[0][1]}"
        async with key_proxy(target, KEY, "local") as url, ClientSession() as session:
            headers = {"Authorization": "Bearer local"}
            async with session.post(f"{url}/v1/chat/completions", json=BODY, headers=headers) as answer:
                assert (await answer.content.readline()) == b"data: first\n"
                seen.set()
                assert b"second" in await answer.read()
        await runner.cleanup()

    asyncio.run(run())


def test_an_endpoint_that_is_gone_is_a_503() -> None:
    with serving(OpenAIServer()) as server:
        url = server.url

    async def use(session: ClientSession, proxy: str) -> None:
        async with session.post(f"{proxy}/v1/chat/completions", json=BODY) as answer:
            assert answer.status == 503

    through_proxy(url, use)


@pytest.mark.parametrize("form", [KEY, "sk-real%2Fsecret%2Bvalue%3D", base64.b64encode(KEY.encode()).decode()])
def test_every_form_of_a_key_is_hidden(form: str) -> None:
    assert SecretTexts(KEY).hide(f"a {form} b") == "a [hidden] b"
    assert SecretTexts("").hide("nothing") == "nothing"


def wait_for(server: OpenAIServer, *, key: str = "", model: str = "tiny", seconds: float = 5.0) -> float:
    endpoint = Endpoint(url=server.url, model_name=model)
    return asyncio.run(wait_until_it_answers(endpoint, "text-to-text", {}, key, seconds)).seconds


def test_readiness_is_one_real_answer() -> None:
    with serving(OpenAIServer(key=KEY)) as server:
        assert wait_for(server, key=KEY) >= 0


def test_refusals_have_their_class_and_remedy() -> None:
    with serving(OpenAIServer(key=KEY)) as server:
        with pytest.raises(AuthError) as refused:
            wait_for(server, key="wrong/key")
        assert "wrong/key" not in refused.value.message
        assert "OME_ENDPOINT_KEY" in refused.value.remedy
        with pytest.raises(NotFoundError, match='"other"') as missing:
            wait_for(server, key=KEY, model="other")
        assert "tiny" in missing.value.remedy


def test_an_endpoint_that_never_answers_is_a_network_error() -> None:
    with serving(OpenAIServer()) as server:
        pass
    with pytest.raises(NetworkError, match=server.url):
        wait_for(server, seconds=0.1)


def test_waiting_goes_on_while_a_server_says_it_is_loading() -> None:
    async def run() -> None:
        answers = iter([503, 503, 200])

        async def chat(_: web.Request) -> web.Response:
            return web.json_response({"choices": []}, status=next(answers))

        app = web.Application()
        app.router.add_post("/v1/chat/completions", chat)
        app.router.add_get("/v1/models", _no_models)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        endpoint = Endpoint(url=f"http://127.0.0.1:{runner.addresses[0][1]}", model_name="m")
        readiness = await wait_until_it_answers(endpoint, "text-to-text", {}, "", 30)
        assert readiness.models == ()
        assert list(answers) == []
        await runner.cleanup()

    asyncio.run(run())


async def _no_models(_: web.Request) -> web.Response:
    return web.Response(text=json.dumps({"data": "none"}))


def test_a_request_that_is_refused_is_the_users_to_correct() -> None:
    async def run() -> None:
        async def chat(_: web.Request) -> web.Response:
            return web.json_response({"error": "logit_bias is not supported"}, status=400)

        app = web.Application()
        app.router.add_post("/v1/chat/completions", chat)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        endpoint = Endpoint(url=f"http://127.0.0.1:{runner.addresses[0][1]}", model_name="m")
        with pytest.raises(InvalidInputError, match="logit_bias"):
            await wait_until_it_answers(endpoint, "text-to-text", {}, "", 30)
        await runner.cleanup()

    asyncio.run(run())


@pytest.mark.parametrize("endless", [False, True])
def test_a_list_that_comes_in_pieces_is_read_whole_and_an_endless_answer_is_not(endless: bool) -> None:
    async def chat(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        await answer.write(b'{"choices": [')
        with contextlib.suppress(ConnectionError):
            while endless:
                await answer.write(b" " * 65536)
        await answer.write(b"]}")
        return answer

    async def models(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        await answer.write(b'{"data": [')
        for piece in (b'{"id": "m"}', b"]}"):
            await asyncio.sleep(0.05)  # so that each is a piece of its own on the wire
            await answer.write(piece)
        return answer

    async def run() -> tuple[str, ...]:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", chat)
        app.router.add_get("/v1/models", models)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        endpoint = Endpoint(url=f"http://127.0.0.1:{runner.addresses[0][1]}", model_name="m")
        readiness = await wait_until_it_answers(endpoint, "text-to-text", {}, "", 30)
        await runner.cleanup()
        return readiness.models

    assert asyncio.run(run()) == ("m",)
