"""Tries to leave a sandbox, or to reach what is outside. Prints what it could do: nothing."""
import ctypes, os, platform, socket, struct, sys

libc = ctypes.CDLL(None, use_errno=True)
TRIED = 0


class Denied(Exception):
    pass


def call(result):
    if result < 0:
        raise Denied(os.strerror(ctypes.get_errno()))
    return result


NUMBERS = {
    "add_key": 248, "keyctl": 250, "bpf": 321, "perf_event_open": 298, "userfaultfd": 323, "io_uring_setup": 425,
    "kexec_load": 246, "init_module": 175, "open_by_handle_at": 304, "open_tree": 428, "fsopen": 430, "fsmount": 432,
    "move_mount": 429, "mount_setattr": 442, "pivot_root": 155, "swapon": 167, "process_vm_readv": 310, "acct": 163,
    "settimeofday": 164, "capset": 126, "quotactl": 179, "syslog": 103,
}


def syscall(name, *arguments):
    return call(libc.syscall(ctypes.c_long(NUMBERS[name]), *[ctypes.c_long(it) if isinstance(it, int) else it for it in arguments]))


def attempt(name, action):
    """An action must fail, or return nothing."""
    global TRIED
    TRIED += 1
    try:
        got = action()
    except (Denied, OSError):
        return
    if got not in (b"", "", [], None):
        print(f"{name}: {got!r}")


def read(path):
    with open(path, "rb") as file:
        return file.read(64)


def write(path, text):
    with open(path, "r+b", buffering=0) as file:
        file.write(text)
    return "written"


def mount(source, target, kind, flags=0):
    call(libc.mount(source, target, kind, ctypes.c_ulong(flags), None))
    return "mounted"


# Mounts and namespaces.
os.makedirs("/tmp/m", exist_ok=True)
for kind in [b"tmpfs", b"proc", b"sysfs", b"cgroup", b"cgroup2", b"overlay", b"devpts", b"binfmt_misc", b"debugfs"]:
    attempt(f"mount {kind}", lambda: mount(b"none", b"/tmp/m", kind))
attempt("bind", lambda: mount(b"/proc", b"/tmp/m", None, 4096))
attempt("remount", lambda: mount(None, b"/proc/sys", None, 4096 | 32))
attempt("umount", lambda: call(libc.umount2(b"/proc/sys", 2)) or "unmounted")
attempt("pivot_root", lambda: syscall("pivot_root", b"/tmp", b"/tmp") or "pivoted")
attempt("open_tree", lambda: f"tree {syscall('open_tree', -100, b'/', 1)}")
attempt("fsopen", lambda: f"fs {syscall('fsopen', b'tmpfs', 0)}")
for name, flag in [("user", 0x10000000), ("mount", 0x20000), ("pid", 0x20000000), ("net", 0x40000000)]:
    attempt(f"unshare {name}", lambda: call(libc.unshare(flag)) or "unshared")
for name in ["mnt", "pid", "user", "net", "ipc"]:
    attempt(f"setns {name}", lambda: call(libc.setns(os.open(f"/proc/1/ns/{name}", os.O_RDONLY), 0)) or "entered")

# Process 1, which knows the outside.
for name in ["root", "exe", "cwd"]:
    attempt(f"/proc/1/{name}", lambda: os.readlink(f"/proc/1/{name}"))
    attempt(f"list /proc/1/{name}/", lambda: os.listdir(f"/proc/1/{name}/"))
attempt("overwrite the program", lambda: write("/proc/1/exe", b"x"))
for name in range(12):
    # Their numbers can be listed.
    attempt(f"descriptor {name} of process 1", lambda: os.readlink(f"/proc/1/fd/{name}"))
    attempt(f"open descriptor {name} of process 1", lambda: os.open(f"/proc/1/fd/{name}", os.O_RDONLY))
for name in ["environ", "mem", "maps", "auxv"]:
    attempt(f"/proc/1/{name}", lambda: read(f"/proc/1/{name}"))
attempt("ptrace", lambda: call(libc.ptrace(16, 1, None, None)) or "attached")
with open("/proc/self/maps") as maps:
    # Where this program's own memory is, is likely enough some memory of any other.
    place = int(maps.readline().split("-")[0], 16)
buffer = ctypes.create_string_buffer(16)
local, remote = struct.pack("QQ", ctypes.addressof(buffer), 16), struct.pack("QQ", place, 16)
attempt("process_vm_readv", lambda: f"read {syscall('process_vm_readv', 1, local, 1, remote, 1, 0)}")
attempt("kill process 1", lambda: os.kill(1, 9) or (os.path.exists("/proc/1") and None))
attempt("processes of outside", lambda: [it for it in os.listdir("/proc") if it.isdigit() and int(it) > 100])
attempt("descriptors of outside", lambda: [it for it in os.listdir("/proc/self/fd") if int(it) > 3])

# The machine's settings and memory.
for path in [
    "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sys/kernel/hostname", "/proc/sysrq-trigger",
    "/proc/sys/vm/drop_caches", "/proc/sys/user/max_user_namespaces", "/proc/sys/net/ipv4/ip_forward", "/proc/irq/default_smp_affinity",
    "/sys/kernel/uevent_helper", "/sys/power/state", "/proc/sys/fs/binfmt_misc/register", "/proc/1/uid_map",
]:
    attempt(f"write {path}", lambda: write(path, b"0"))
for path in ["/proc/kcore", "/proc/keys", "/proc/key-users", "/proc/timer_list", "/dev/mem", "/dev/kmem", "/dev/vda", "/dev/sda", "/proc/kmsg"]:
    attempt(f"read {path}", lambda: read(path))
attempt("cgroups", lambda: os.listdir("/sys/fs/cgroup") if os.path.isdir("/sys/fs/cgroup") else [])

# Devices.
for kind, major, minor in [(0o060000, 254, 0), (0o060000, 8, 0), (0o020000, 1, 1), (0o020000, 10, 229)]:
    attempt(f"mknod {major}:{minor}", lambda: os.mknod("/tmp/device", 0o666 | kind, os.makedev(major, minor)) or read("/tmp/device"))

# Calls that no namespace holds back.
attempt("add_key", lambda: syscall("add_key", b"user", b"a", b"b", 1, -3))
attempt("keyctl", lambda: f"keyring {syscall('keyctl', 0, -3, 1)}")
attempt("bpf", lambda: f"map {syscall('bpf', 0, struct.pack('IIII', 2, 4, 4, 1) + bytes(104), 120)}")
attempt("perf_event_open", lambda: syscall("perf_event_open", struct.pack("II", 1, 112) + bytes(104), 0, -1, -1, 0))
attempt("userfaultfd", lambda: f"descriptor {syscall('userfaultfd', 1)}")
attempt("io_uring_setup", lambda: f"ring {syscall('io_uring_setup', 4, bytes(120))}")
for name in ["kexec_load", "init_module", "open_by_handle_at", "fsmount", "move_mount", "mount_setattr", "swapon", "acct", "settimeofday"]:
    attempt(name, lambda: f"{name} {syscall(name, 0, 0, 0, 0, 0)}")
attempt("sethostname", lambda: call(libc.sethostname(b"x", 1)) or "named")
attempt("all capabilities", lambda: syscall("capset", struct.pack("II", 0x20080522, 0), struct.pack("6I", *[0xFFFFFFFF] * 2, 0, *[0x1FF] * 2, 0)) or "taken")
attempt("new privileges", lambda: call(libc.prctl(38, 0, 0, 0, 0)) or "allowed")
attempt("the filter", lambda: call(libc.prctl(22, 0, 0, 0, 0)) or "gone")

# Typing into a terminal, also with bits that the kernel does not look at.
master, slave = os.openpty()
for number in [0x5412, 0x5412 | 1 << 32, 0x541C]:
    attempt(f"ioctl {number:x}", lambda: call(libc.ioctl(slave, ctypes.c_ulong(number), b"x")) or "typed")

# The hypervisor, and the network of the machine.
attempt("hypervisor", lambda: socket.socket(40, socket.SOCK_STREAM) and "opened")
for name in sys.argv[1:]:
    client = socket.socket(socket.AF_UNIX)
    attempt("abstract socket", lambda: client.connect("\0" + name) or "connected")

# Out of a chroot.
before = sorted(os.listdir("/"))
inside = os.open("/", os.O_RDONLY)
os.makedirs("/tmp/jail", exist_ok=True)
try:
    os.chroot("/tmp/jail")
    os.fchdir(inside)
    for _ in range(100):
        os.chdir("..")
    os.chroot(".")
except PermissionError:
    os.chdir("/")
attempt("chroot", lambda: None if sorted(os.listdir(".")) == before else os.listdir("."))
print(f"tried {TRIED} on {platform.machine()}")
