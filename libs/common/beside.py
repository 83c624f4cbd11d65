"""A process beside a worker, for jobs whose work would be taken from the worker's consumer. It lives as long as the worker does.

The worker holds the other end of its standard input: when that closes, also by a kill -9, the process ends itself.
"""

import asyncio
import sys


async def run_beside(module: str) -> None:
    """Run `python -m module` until cancelled. Errors: RuntimeError where it ends by itself; the worker ends with it, loudly."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", module, stdin=asyncio.subprocess.PIPE)
    try:
        status = await process.wait()
        raise RuntimeError(f"{module} ended by itself, with status {status}")
    finally:
        if process.returncode is None:
            if process.stdin is not None:
                process.stdin.close()
            await process.wait()


async def until_left_alone() -> None:
    """Return when whoever started this process is there no longer."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()
