"""A file that is broken off gives back what it was read from, also where its reader takes nothing."""

import asyncio
from collections.abc import AsyncGenerator
from types import SimpleNamespace
from typing import Any, Never

import pytest
from fastapi import FastAPI
from starlette.types import Message

from libs.common.http.file_answers import FileAnswer


async def forever() -> Never:
    await asyncio.Event().wait()
    raise AssertionError


@pytest.mark.parametrize("spec_version", ["2.3", "2.4"])  # Starlette sends in a task of its own, or not
async def test_what_a_file_is_read_from_is_closed_when_it_is_broken_off(spec_version: str) -> None:
    read, taken, shut = [], asyncio.Event(), asyncio.Event()

    async def pieces() -> AsyncGenerator[bytes, None]:
        try:
            while True:
                yield b"piece"
        finally:
            await asyncio.sleep(0)  # as a transaction that is rolled back
            read.append("ended")

    async def until_shut(*_: Any) -> None:
        await shut.wait()

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            taken.set()
            await forever()  # whoever reads takes no more

    app = FastAPI()
    app.state.door = SimpleNamespace(until_shut=until_shut)
    scope = {"type": "http", "asgi": {"spec_version": spec_version}, "app": app}
    answering = asyncio.create_task(FileAnswer(pieces())(scope, forever, send))
    async with asyncio.timeout(10):
        await taken.wait()
        assert read == []
        shut.set()
        await answering
    assert read == ["ended"]
