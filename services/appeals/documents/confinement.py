"""What a program may still do once it has begun to open something foreign: read, compute and answer; no network, no other program.

It imports nothing of ours, since the inspector is run without us. Linux alone has the means; elsewhere the limits of memory and
time are all there is.
"""

import ctypes
import errno
import platform
import resource
import struct
import sys

_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _FILTER = 38, 22, 2
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06  # instructions of classic BPF
_ALLOW, _KILL, _REFUSE = 0x7FFF0000, 0x80000000, 0x00050000 | errno.EPERM
_NUMBER_AT, _MACHINE_AT = 0, 4  # in what the kernel shows the filter
_FOREIGN_ABI = 0x40000000  # x32: the same calls under other numbers

# machine -> its name for the kernel, and the numbers of: socket, socketpair, connect, bind, sendto, execve, execveat, kill, tkill,
# pidfd_send_signal, ptrace, process_vm_readv, process_vm_writev, io_uring_setup, bpf, unshare, setns, mount
_CALLS = {
    "x86_64": (0xC000003E, (41, 53, 42, 49, 44, 59, 322, 62, 200, 424, 101, 310, 311, 425, 321, 272, 308, 165)),
    "aarch64": (0xC00000B7, (198, 199, 203, 200, 206, 221, 281, 129, 130, 424, 117, 270, 271, 425, 280, 97, 268, 40)),
}


def confine(memory_bytes: int, cpu_seconds: int, *, file_bytes: int | None = None) -> None:
    """Give up for good what opening a document does not need. `file_bytes`: how much one file may have that it writes; None: any.

    Errors: OSError where the kernel knows the means and refuses them.
    """
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if file_bytes is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
    known = _CALLS.get(platform.machine())
    if sys.platform == "linux" and known is not None:
        _refuse_calls(*known)


def _refuse_calls(machine: int, numbers: tuple[int, ...]) -> None:
    steps = [
        (_LOAD, 0, 0, _MACHINE_AT),
        (_EQUAL, 1, 0, machine),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER_AT),
        (_AT_LEAST, 0, 1, _FOREIGN_ABI),
        (_RETURN, 0, 0, _KILL),
    ]
    for number in numbers:
        steps += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _REFUSE)]
    steps.append((_RETURN, 0, 0, _ALLOW))
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
    program = ctypes.create_string_buffer(struct.pack("@HP", len(steps), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    for told in ((_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (_PR_SET_SECCOMP, _FILTER, ctypes.addressof(program), 0, 0)):
        if libc.prctl(told[0], *(ctypes.c_ulong(each) for each in told[1:])) != 0:
            raise OSError(ctypes.get_errno(), "the kernel refused to confine a program")
