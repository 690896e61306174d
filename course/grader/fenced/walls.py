"""The walls round a student's process: limits, another user, the kernel's and Python's refusals.

No single one is enough everywhere. Another user needs root, Landlock needs Linux (5.13, and 6.12
for signals), and Python's audit hook can be got round by code that writes into the interpreter's
memory. Each is put up where it can be; who does not trust a class grades in a container.
"""

import ctypes
import os
import resource
import struct
import sys
import sysconfig

MEMORY = 4 << 30  # bytes
PROCESSES = 256  # threads count
FIRST_USER = 61184  # of the range that systemd gives to users for the moment

# What libraries of the system look at when they are used for the first time.
_SYSTEM = ("/lib", "/lib64", "/usr/lib", "/dev/null", "/dev/urandom", "/proc/cpuinfo")
_SYSTEM += ("/proc/meminfo", "/proc/self/cmdline", "/sys/devices/system/cpu")
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_REFUSED = (
    "ctypes.",
    "os.chmod os.chown os.exec os.fork os.forkpty os.kill os.killpg os.link os.mkdir "
    "os.posix_spawn os.remove os.rename os.rmdir os.setxattr os.spawn os.symlink os.system "
    "os.truncate os.utime pty.spawn shutil. signal.pthread_kill",
    "gc.get_objects gc.get_referents gc.get_referrers",
    "socket. sqlite3. subprocess. syslog. urllib. webbrowser.",
)


def readable():
    """Returns the folders that a student's code may read: Python's library and the packages."""
    paths = sysconfig.get_paths()
    found = {paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    found |= {path for path in sys.path if path.endswith(("site-packages", "dist-packages"))}
    found |= {os.path.realpath(path) for path in found}
    return tuple(sorted(path for path in found if os.path.isdir(path)))


def used():
    """Returns the seconds of computing time that this process has used."""
    found = resource.getrusage(resource.RUSAGE_SELF)
    return found.ru_utime + found.ru_stime


def limit(seconds, hard):
    """Sets how much a process may use; more time is given by calling it again.

    Args:
        seconds: of computing time from now on.
        hard: of computing time in all.
    """
    soft = int(used() + seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (min(soft, hard), hard))


def limit_all(hard, user):
    """Sets the limits that stay. That of processes counts all of a user's, so it needs its own."""
    limits = {"RLIMIT_DATA": MEMORY, "RLIMIT_CORE": 0, "RLIMIT_FSIZE": 0, "RLIMIT_CPU": hard}
    for name, much in (limits | ({"RLIMIT_NPROC": PROCESSES} if user else {})).items():
        resource.setrlimit(getattr(resource, name), (much, much))


def become(user):
    """Gives up root for a user who owns nothing. 0: stays who it is."""
    if user:
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)


def close_files(folders):
    """Lets the kernel refuse all files but those below some folders, for good (Linux's Landlock).

    Returns:
        Whether this kernel can.
    """
    if not sys.platform.startswith("linux"):
        return False
    system = ctypes.CDLL(None, use_errno=True)
    create, add, restrict, set_no_new_privileges = 444, 445, 446, 38
    version = system.syscall(create, None, ctypes.c_size_t(0), 1)
    if version < 1:
        return False
    files = (1 << (13 + (version >= 2) + (version >= 3))) - 1  # each right that the version knows
    network, signals = (3 if version >= 4 else 0), (3 if version >= 6 else 0)
    words = (files, network, signals)[: 1 + (version >= 4) + (version >= 6)]
    rules = struct.pack(f"{len(words)}Q", *words)
    ruleset = system.syscall(create, rules, ctypes.c_size_t(len(rules)), 0)
    for path in filter(os.path.exists, (*folders, *_SYSTEM)):
        descriptor = os.open(path, getattr(os, "O_PATH", os.O_RDONLY) | os.O_CLOEXEC)
        rights = 0b1100 if os.path.isdir(path) else 0b0100  # read files, list folders
        rights |= 0b0010 * (path == "/dev/null")  # write
        system.syscall(add, ruleset, 1, struct.pack("=Qi", rights, descriptor), 0)
        os.close(descriptor)
    system.prctl(set_no_new_privileges, 1, 0, 0, 0)
    failed = system.syscall(restrict, ruleset, 0)
    os.close(ruleset)
    return not failed


def refuse_events(folders):
    """Lets Python refuse files, other processes, the network and foreign code, with a sentence.

    What the hook needs is bound here: the student's code can change every module, and not this.
    """
    allowed = tuple(f"{folder}/" for folder in folders)
    plain = tuple(name for line in _REFUSED for name in line.split())

    kinds = str, int

    def hook(event, args, *, allowed=allowed, plain=plain, writes=_WRITES, type=type, kinds=kinds):
        if event == "open" or event == "os.listdir" or event == "os.scandir":
            path, writing = args[0], event == "open" and args[2] & writes
            if type(path) is kinds[0]:
                inside = f"{path}/".startswith(allowed) and "/../" not in f"{path}/"
                if path == "/dev/null" or (inside and not writing):
                    return
            elif type(path) is kinds[1]:  # a descriptor that it has
                return
            raise PermissionError("the grader lets a function read no files and write none")
        if event.startswith(plain):
            raise PermissionError(f"the grader does not allow {event}")
        if event == "object.__setattr__" and args[1] == "__code__":
            raise PermissionError("the grader does not allow another function's code")

    sys.addaudithook(hook)
