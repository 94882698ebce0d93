"""Sends numbered messages over one WebSocket, each when the one before has come back: websocket.py URL PATIENCE.

Each line of input is answered with the number of a message that was sent, and came back, after the line was read. At the end
of input the WebSocket is closed, and the code that it was closed with is printed. Fails when anything else comes back.
"""

import asyncio
import sys

import websockets


async def read(questions):
    lines = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(lines)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    while await lines.readline():
        questions.put_nowait(None)


async def main(url, patience):
    questions = asyncio.Queue()
    reader = asyncio.create_task(read(questions))
    number = 0
    async with websockets.connect(url) as socket:
        while not (reader.done() and questions.empty()):
            earlier = questions.qsize()
            number += 1
            # Of all sizes, so that all encodings of a frame's length are there.
            message = f"{number} ".ljust(number * 7919 % 100_000, "x")
            await socket.send(message)
            answer = await asyncio.wait_for(socket.recv(), patience)
            if answer != message:
                raise RuntimeError(f"instead of message {number}: {answer[:80]!r}")
            for _ in range(earlier):
                questions.get_nowait()
                print(number, flush=True)
    print(socket.close_code)


asyncio.run(main(sys.argv[1], float(sys.argv[2])))
