"""A process that imports what submissions need once, and forks one child for each question.

`fence.Fence` starts it as a program, with a socket and a JSON text. It knows no check, no key and
no expected value, so neither do its children. It is told two things:

    {"fork": job}, with two pipes    -> {"pid": …}
    {"end": pid, "patience": 2}      -> {"seconds": …, "signal": …} of the child, which is killed
"""

import contextlib
import importlib
import json
import os
import runpy
import signal
import socket
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
from course.grader.fenced import worker

# What lies beside it, the solutions among it, is nothing for a student's `import`.
del sys.path[0]
for name in [name for name in sys.modules if name.partition(".")[0] == "course"]:
    del sys.modules[name]


def fork(job, pipes, control, probes):
    """Makes a child that answers a question. Returns its number."""
    child = os.fork()
    if child:
        for pipe in pipes:
            os.close(pipe)
        return child
    try:
        control.close()
        os.setsid()
        os.chdir("/")
        null = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(null, stream)
        worker.main(*pipes, job, probes)
    finally:
        os._exit(1)


def end(child, patience):
    """Kills a child with all that it has started. Returns how it ended and what it had used.

    Args:
        child: its number.
        patience: seconds in which it may end by itself.
    """
    until = time.monotonic() + patience
    while not (waited := os.wait4(child, os.WNOHANG))[0] and time.monotonic() < until:
        time.sleep(0.01)
    with contextlib.suppress(ProcessLookupError):  # nobody of its group is left
        os.killpg(child, signal.SIGKILL)
    status, used = waited[1:] if waited[0] else (0, os.wait4(child, 0)[2])
    number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    return {"seconds": used.ru_utime + used.ru_stime, "signal": number}


def main(descriptor, setting):
    """Works until the judge goes."""
    control = socket.socket(fileno=descriptor)
    for name in setting["modules"]:
        with contextlib.suppress(ImportError):  # what is not there, no submission can have
            importlib.import_module(name)
    probes = runpy.run_path(setting["probes"]) if setting["probes"] else {}
    control.sendall(b"{}\n")
    while True:
        text, pipes, *_ = socket.recv_fds(control, 1 << 16, 2)
        if not text:
            return
        message = json.loads(text)
        if "fork" in message:
            reply = {"pid": fork(message["fork"], pipes, control, probes)}
        else:
            reply = end(message["end"], message["patience"])
        control.sendall(json.dumps(reply).encode() + b"\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), json.loads(sys.argv[2]))
