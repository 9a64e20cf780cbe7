"""The launcher: it starts one command, kills or keeps what it has started, and ends with the tracker."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from opentracker.server.upgrade.launcher import VARIABLE, command_of
from tests.server.process import PATIENCE

# A program with a launcher, whose command is the program itself: started so, it says what it has.
PROGRAM = f"""#!{sys.executable}
import os, signal, socket, sys
from opentracker.server.clock import Now
from opentracker.server.loop import Loop
from opentracker.server.upgrade import launcher

if launcher.VARIABLE in os.environ:
    channel = socket.socket(fileno=int(os.environ[launcher.VARIABLE]))
    default = signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    told = " ".join([os.getcwd(), *sys.argv[1:], str(default), os.environ.get("LISTEN_FDS", "none")])
    channel.send(told.encode() + b" %d" % (int(os.environ["WATCHDOG_PID"]) == os.getpid()))
    sys.exit(int(channel.recv(64)))
os.environ["WATCHDOG_PID"], os.environ["LISTEN_FDS"] = "1", "3"
parent = launcher.fork()
os.chdir("/")
ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
loop = Loop(Now(lambda: 0.0))
parent.join(loop)
told = []
parent.started = lambda pid: told.append(("started", pid))
parent.ended = lambda status: told.append(("ended", status))
parent.start(its)
its.close()
print(ours.recv(4096).decode(), flush=True)
what = sys.argv[1]
if what == "kill":
    parent.kill()
elif what == "keep":
    parent.keep()
    loop.iterate(1.0)
    parent.close()
elif what == "leave":
    parent.close()
elif what == "end":
    ours.send(b"5")
while what in ("kill", "end") and len(told) < 2:
    loop.iterate(1.0)
if what == "keep":
    ours.send(b"0")
if what in ("keep", "leave"):
    print("over:", ours.recv(64), flush=True)
print([kind if kind == "started" else (kind, value) for kind, value in told], flush=True)
"""


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("kill", f"['started', ('ended', {-signal.SIGKILL})]"),
        ("end", "['started', ('ended', 5)]"),
        ("keep", "over: b''\n['started']"),
        ("leave", "over: b''\n[]"),
    ],
)
def test_a_command_from_its_start_to_its_end(tmp_path: Path, what: str, told: str) -> None:
    program = tmp_path / "program"
    program.write_text(PROGRAM)
    program.chmod(0o755)
    done = subprocess.run(
        [str(program), what],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout == f"{tmp_path} {what} True none 1\n{told}\n"


def test_a_script_is_executed_itself() -> None:
    """Its first line may name another interpreter after an upgrade."""
    script = sys.executable
    assert command_of([script, "-f", "x"], ["python3", "-P", script, "-f", "x"]) == [script, "-f", "x"]


def test_a_module_is_run_by_the_interpreter() -> None:
    original = ["python3", "-P", "-m", "opentracker", "-f", "x"]
    assert command_of([__file__, "-f", "x"], original) == [sys.executable, *original[1:]]
    assert VARIABLE.isupper()
