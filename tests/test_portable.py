"""Windows and macOS, as far as Linux can play them: what they lack is hidden from the laboratory.

Other packages know their systems; only what toylab's own files import and ask for is hidden.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_house import MODULES, ROOT

HIDDEN = """
import builtins, importlib, sys, types
import os, signal
MODULES = {
    "windows": "fcntl resource pwd grp termios tty pty posix syslog readline curses crypt nis spwd",
    "macos": "spwd nis",
}
OS = {
    "windows": "fork forkpty getuid geteuid getgid getegid getgroups getpgid getpgrp getsid killpg"
    " mkfifo mknod nice pread preadv pwrite pwritev sched_getaffinity sched_setaffinity"
    " sched_yield setsid setuid statvfs fstatvfs sysconf sysconf_names uname wait wait3 wait4"
    " waitid chown fchown lchown chroot fchdir fchmod posix_spawn getloadavg sendfile sync"
    " O_NOFOLLOW O_DIRECTORY O_CLOEXEC O_NONBLOCK O_SYNC WNOHANG WEXITSTATUS WIFEXITED",
    "macos": "sched_getaffinity sched_setaffinity memfd_create eventfd pidfd_open",
}
SIGNALS = {
    "windows": "SIGHUP SIGKILL SIGALRM SIGUSR1 SIGUSR2 SIGCHLD SIGPIPE SIGQUIT SIGSTOP SIGTSTP"
    " SIGCONT SIGWINCH alarm pause setitimer siginterrupt sigwait sigpending pthread_sigmask"
    " pthread_kill",
    "macos": "SIGPWR SIGSTKFLT sigtimedwait",
}
system = sys.argv[1]


def without(module, names, **other):
    seen = types.ModuleType(module.__name__)
    seen.__dict__.update({n: v for n, v in vars(module).items() if n not in names.split()} | other)
    return seen


def sysconf(name):
    if name == "SC_AVPHYS_PAGES":
        raise ValueError("unrecognized configuration name")
    return os.sysconf(name)


other = {"name": "nt"} if system == "windows" else {"sysconf": sysconf}
seen = {"os": without(os, OS[system], **other), "signal": without(signal, SIGNALS[system])}
real = builtins.__import__


def hiding(name, globals=None, locals=None, fromlist=(), level=0):
    if str((globals or {}).get("__name__")).startswith("toylab"):
        if name.split(".")[0] in MODULES[system].split():
            raise ModuleNotFoundError(f"No module named {name!r}")
        if name in seen:
            return seen[name]
    return real(name, globals, locals, fromlist, level)


builtins.__import__ = hiding
names = sys.stdin.read().split()
for name in names:
    importlib.import_module(name)
assert not hasattr(sys.modules["toylab.train.setup"].os, "sched_getaffinity")
if len(sys.argv) == 2:
    sys.exit()
from toylab.cli import start
sys.argv = ["toylab", "run", "superposition_polygons", "--preset", "smoke", "--out", sys.argv[2]]
sys.exit(start.main())
"""


def played(system: str, *words: str) -> None:
    """Import every module without what a system lacks, and run a study where a folder is given."""
    done = subprocess.run(
        [sys.executable, "-c", HIDDEN, system, *words],
        input=" ".join(name for name in MODULES if not name.endswith("__main__")),
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.parametrize("system", ["windows", "macos"])
def test_every_module_is_imported(system: str):
    assert len(MODULES) > 300
    played(system)


@pytest.mark.slow
@pytest.mark.parametrize("system", ["windows", "macos"])
def test_a_study_runs(system: str, tmp_path: Path):
    played(system, str(tmp_path / "run"))
    assert list((tmp_path / "run" / "figures").glob("*.png"))
