"""A process that makes batches for another: `python -m deephar.data.batches.worker`, started by `pool`.

It reads messages from its standard input and answers on its standard output, where nothing else may be printed: first
the folders to import from and the mixture, then an (epoch, index) for every batch. An answer is what the mixture gave
or raised; the numbers of its arrays come through a file that both have open, if there is one: a pipe is slower. The
process imports what the readers need, no backend, and ends with its standard input, so that a parent that is killed
leaves none behind.
"""

import itertools
import mmap
import os
import pickle
import signal
import sys
import typing
from collections.abc import Sequence

_LENGTH = 8
"""Bytes of the number before every message."""


def send(stream: typing.BinaryIO, message: bytes) -> None:
    """Write a message."""
    stream.write(len(message).to_bytes(_LENGTH, "big") + message)
    stream.flush()


def receive(stream: typing.BinaryIO) -> bytes:
    """The next message; raises EOFError where the other process has ended."""
    head = stream.read(_LENGTH)
    length = int.from_bytes(head, "big")
    message = stream.read(length) if len(head) == _LENGTH else b""
    if len(head) < _LENGTH or len(message) < length:
        raise EOFError
    return message


def pack(value: object, file: int | None) -> bytes:
    """A message with a value, the numbers of whose arrays are put into a file by its descriptor, if there is one."""
    if file is None:
        return pickle.dumps((pickle.dumps(value), []))
    buffers: list[pickle.PickleBuffer] = []
    body = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
    views = [buffer.raw() for buffer in buffers]
    sizes = [view.nbytes for view in views]
    if sum(sizes) > os.fstat(file).st_size:
        os.ftruncate(file, sum(sizes))
    if any(sizes):
        with mmap.mmap(file, sum(sizes)) as memory:
            for view in views:
                memory.write(view)
    return pickle.dumps((body, sizes))


def unpack(message: bytes, file: int | None) -> typing.Any:
    """The value of a message from `pack`, its arrays copied out of the file."""
    body, sizes = pickle.loads(message)
    if file is None or not any(sizes):
        return pickle.loads(body, buffers=[bytearray() for _ in sizes])
    ends = itertools.accumulate(sizes, initial=0)
    with mmap.mmap(file, sum(sizes), access=mmap.ACCESS_READ) as memory, memoryview(memory) as view:
        copies = [bytearray(view[start:end]) for start, end in itertools.pairwise(ends)]
    return pickle.loads(body, buffers=copies)


def main(arguments: Sequence[str]) -> None:
    """Answer until the standard input ends.

    Args:
        arguments: the descriptor of the shared file, or none.
    """
    file = int(arguments[0]) if arguments else None
    for name in ("SIGINT", "SIGTERM", "SIGUSR1"):  # they ask the parent to stop, and reach all its processes
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever is printed goes beside the answers
    mixture = None
    try:
        while message := receive(requests):
            mixture, answer = _answered(mixture, message, file)
            send(answers, answer)
    except (EOFError, BrokenPipeError):
        return


def _answered(mixture, message, file):
    """The mixture, which the first message brings, and the answer to a message."""
    try:
        if mixture is not None:
            return mixture, pack((True, mixture.batch(*pickle.loads(message))), file)
        sys.path[:], content = pickle.loads(message)
        return pickle.loads(content), pack((True, None), file)
    except Exception as error:
        try:
            return mixture, pack((False, error), file)
        except Exception:  # it cannot be pickled
            return mixture, pack((False, RuntimeError(f"{type(error).__name__}: {error}")), file)


if __name__ == "__main__":
    main(sys.argv[1:])
