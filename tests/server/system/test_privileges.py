"""Giving up rights at the start, in processes of their own, since it is irreversible."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from opentracker._features import WANT_ACCESSLIST_BLACK, WANT_ACCESSLIST_WHITE
from opentracker.errors import StartError
from opentracker.server.system import privileges
from tests.config.files import PATHS, naming
from tests.server.live import HASH_A, HASH_B, HOME, connect_packet, family_of
from tests.server.process import CLUSTER, COMMAND, PATIENCE, Tracker, run

LISTS = WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE
LIST_OPTION = "-w" if WANT_ACCESSLIST_WHITE else "-b"

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
as_somebody = pytest.mark.skipif(os.geteuid() == 0, reason="for ordinary users")
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads Linux's /proc")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that `nobody` may work in."""
    if os.geteuid() == 0:
        shutil.chown(tmp_path, "nobody")
    return tmp_path


def status_of(pid: int) -> dict[str, list[str]]:
    """The words of each line of /proc/PID/status."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: words.split() for name, _, words in (line.partition(":") for line in lines)}


def low_port() -> int:
    """A port below 1024 that nobody has."""
    for port in range(1023, 600, -1):
        with socket.socket(family_of(HOME), socket.SOCK_STREAM) as probe:
            try:
                probe.bind((HOME, port))
            except OSError:
                continue
            return port
    return pytest.fail("no low port is free")


@as_root
@linux
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_l11_root_becomes_nobody_in_its_directory(number: int, folder: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    port = low_port()
    options = ["-u", "nobody", "-d", str(folder), "-i", HOME, "-p", str(port), "-P", "0"]
    with Tracker(*options, sockets=2) as tracker:
        pid = tracker.process.pid
        status = status_of(pid)
        assert tracker.endpoint("TCP") == (HOME, port)
        assert status["Uid"] == [str(nobody.pw_uid)] * 4
        assert status["Gid"] == [str(nobody.pw_gid)] * 4
        assert status["Groups"] == []
        for kind in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            assert int(status[kind][0], 16) == 0
        assert status["NoNewPrivs"] == ["1"]
        assert os.readlink(f"/proc/{pid}/root") == str(folder)
        assert os.readlink(f"/proc/{pid}/cwd") == str(folder)
        assert f"running as nobody, with the root directory {folder}" in tracker.lines
        assert len([line for line in tracker.lines if "Landlock sandbox" in line]) == 1
        tracker.signal(number)
        assert tracker.wait() == 0
        assert not [line for line in tracker.lines if "Traceback" in line or "Error" in line]


@as_root
@linux
def test_groups_of_the_starting_root_are_dropped(folder: Path) -> None:
    """Which the C tracker forgets."""
    command = ["setpriv", "--groups", "0,1,2,3", *COMMAND]
    if shutil.which("setpriv") is None:
        pytest.skip("needs the command setpriv")
    with Tracker("-d", str(folder), "-i", HOME, "-P", "0", sockets=1, command=command) as tracker:
        assert status_of(tracker.process.pid)["Groups"] == []


@as_root
def test_l10_an_unknown_user(folder: Path) -> None:
    for user in ("nosuchuser", "65534"):  # a number is no name
        status, out, err = run("-u", user, "-d", str(folder), "-i", HOME, "-P", "0")
        assert (status, out) == (111, "")
        assert err.splitlines()[-1] == f"opentracker: there is no user {user!r} to become (-u, tracker.user)"


@as_root
@pytest.mark.parametrize("option", ["-t", "-P"])
def test_root_does_not_stay_root(option: str, folder: Path) -> None:
    options = ["-u", "root", "-d", str(folder), "-i", HOME, option, *(["0"] if option == "-P" else [])]
    status, out, err = run(*options)
    assert (status, out) == (1 if option == "-t" else 111, "")
    told = "opentracker: refuse to go on as root: the user root is root (-u, tracker.user)"
    assert err.splitlines()[-1] == told


@as_root
def test_a_directory_that_the_user_may_not_enter(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    command = [*COMMAND, *CLUSTER, "-d", str(closed), "-i", HOME, "-P", "0"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 111
    assert done.stderr.splitlines()[-1] == (
        f"opentracker: the user nobody may not enter the directory {closed} (-d, tracker.rootdir)"
    )


@as_root
def test_the_default_directory_is_where_it_is_started(folder: Path) -> None:
    command = [*COMMAND, "-d", "."]
    with Tracker("-d", ".", "-i", HOME, "-P", "0", sockets=1, cwd=folder, command=command) as tracker:
        assert os.readlink(f"/proc/{tracker.process.pid}/root") == str(folder)


@as_somebody
@linux
def test_others_change_directory_and_gain_nothing(tmp_path: Path) -> None:
    with Tracker("-u", "root", "-d", str(tmp_path), "-i", HOME, "-P", "0", sockets=1) as tracker:
        pid = tracker.process.pid
        assert Path(f"/proc/{pid}/cwd").resolve() == tmp_path.resolve()
        assert os.readlink(f"/proc/{pid}/root") == "/"
        assert status_of(pid)["NoNewPrivs"] == ["1"]


@as_somebody
def test_the_default_directory_is_stayed_in(tmp_path: Path) -> None:
    with Tracker("-i", HOME, "-P", "0", sockets=1, cwd=tmp_path) as tracker:
        assert Path(f"/proc/{tracker.process.pid}/cwd").resolve() == tmp_path.resolve()


@pytest.mark.skipif(not LISTS, reason="needs a build with an access list")
@pytest.mark.parametrize("written", ["{folder}/list", "/list", "list"])
@as_root
def test_a_list_is_read_from_inside(written: str, folder: Path) -> None:
    """In whichever way its path is written."""
    (folder / "list").write_text(HASH_A.hex() + "\n")
    path = written.format(folder=folder)
    with Tracker("-d", str(folder), LIST_OPTION, path, "-i", HOME, "-p", "0", sockets=1) as tracker:
        served, refused = (HASH_A, HASH_B) if WANT_ACCESSLIST_WHITE else (HASH_B, HASH_A)
        assert b"failure reason" not in announced(tracker.endpoint("TCP"), served)
        assert b"not authorized" in announced(tracker.endpoint("TCP"), refused)


def announced(endpoint: tuple[str, int], info_hash: bytes) -> bytes:
    """The answer to an announce over HTTP."""
    escaped = "".join(f"%{byte:02x}" for byte in info_hash)
    target = f"/announce?info_hash={escaped}&port=6881&left=1"
    with socket.create_connection(endpoint, timeout=PATIENCE) as client:
        client.sendall(f"GET {target} HTTP/1.0\r\n\r\n".encode())
        answer = b""
        while data := client.recv(65536):
            answer += data
        return answer


# A tracker that tells what it opens or imports once it is confined.
LISTENER = """
import logging, sys
from opentracker import cli, daemon
from opentracker.server.system import privileges

seen = []

def listen(event, arguments):
    if event in ("open", "import") and not str(arguments[0]).endswith("list"):
        seen.append((event, str(arguments[0])))

def confine(settings, paths):
    privileges.confine(settings, paths)
    sys.addaudithook(listen)

logging.basicConfig(format="opentracker: %(message)s", level=logging.INFO)
status = daemon.serve(cli.parse(sys.argv[1:]), confine)
print(seen)
sys.exit(status)
"""


def test_nothing_is_looked_for_that_the_root_directory_hides(folder: Path) -> None:
    """No module, codec or file, whatever is asked of it."""
    options = [LIST_OPTION, str(folder / "list")] if LISTS else ["-d", str(folder)]
    (folder / "list").write_text(HASH_A.hex() + "\n")
    command = [sys.executable, "-P", "-X", "dev", "-c", LISTENER]
    with Tracker(*options, "-i", HOME, "-p", "0", "-P", "0", sockets=2, command=command) as tracker:
        to, udp = tracker.endpoint("TCP"), tracker.endpoint("UDP")
        for request in (
            b"GET /announce?info_hash=%41&port=1 HTTP/1.1\r\nHost: \xff\r\n\r\n",
            b"GET /scrape?info_hash=AAAAAAAAAAAAAAAAAAAA HTTP/1.0\r\n\r\n",
            b"POST / HTTP/1.1\r\n\r\n",
            b"\xff\xfe\r\n\r\n",
            b"GET /stats?mode=peer HTTP/1.0\r\n\r\n",
        ):
            with socket.create_connection(to, timeout=PATIENCE) as client:
                client.sendall(request)
                client.shutdown(socket.SHUT_WR)
                assert client.recv(65536).startswith(b"HTTP/1.1 ")
        for _ in range(2):
            announced(to, HASH_A)
            announced(to, HASH_B)
            with socket.socket(family_of(HOME), socket.SOCK_DGRAM) as client:
                client.settimeout(PATIENCE)
                client.sendto(connect_packet(), udp)
                assert len(client.recv(100)) == 16
            tracker.signal(signal.SIGHUP)
        tracker.signal(signal.SIGTERM)
        out, _ = tracker.process.communicate(timeout=PATIENCE)
        assert (tracker.process.returncode, out) == (0, b"[]\n")


def test_a_path_that_begins_with_the_root_directory_is_shortened() -> None:
    root = Path("/var/tracker")
    for given, seen in (
        ("/var/tracker/lists/white", "/lists/white"),
        ("/lists/add", "/lists/add"),
        ("delete", "delete"),
        ("/var/trackers/state", "/var/trackers/state"),
    ):
        settings = naming(read=Path(given), written=Path(given))
        privileges.see_from_inside(settings, PATHS, root)
        assert settings == naming(read=Path(seen), written=Path(seen))


def test_a_path_that_is_read_before_is_left_alone() -> None:
    settings = naming(before=Path("/var/tracker/state"))
    privileges.see_from_inside(settings, PATHS, Path("/var/tracker"))
    assert settings == naming(before=Path("/var/tracker/state"))


def test_with_the_whole_file_system_for_a_root_nothing_changes() -> None:
    settings = naming(read=Path("/etc/white"))
    privileges.see_from_inside(settings, PATHS, Path("/"))
    assert settings == naming(read=Path("/etc/white"))


def test_l09_a_directory_that_is_not_there(tmp_path: Path) -> None:
    for missing, why in ((tmp_path / "missing", "No such file"), (Path(__file__), "Not a directory")):
        with pytest.raises(StartError, match=f"cannot change to the directory {missing}: {why}"):
            privileges.enter(missing)
