"""own_net.py FD ADDRESSES AUTHORITIES PROGRAM ARG...: runs PROGRAM where the network is a test's own.

In a network, mount and user namespace of its own: the interface lo has ADDRESSES (IPv4, joined by commas) beside
127.0.0.1, ::1 and PUBLIC6, and 127.0.0.1 is the name server. AUTHORITIES, a file unless "", are those that the system
trusts. Before PROGRAM starts, three sockets of that network are sent to FD, a unix socket: UDP port 53 of 127.0.0.1,
and listening ones at port 80 and 443 of all addresses (IPv4 and IPv6).

77 is the exit status where that is not allowed.
"""

import ctypes
import fcntl
import os
import socket
import struct
import sys
import tempfile

NEWNS, NEWUSER, NEWNET = 0x20000, 0x10000000, 0x40000000
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
SIOCSIFADDR, SIOCSIFFLAGS, IFF_UP = 0x8916, 0x8914, 1

PUBLIC6 = "2606:2800:220:1::1"

libc = ctypes.CDLL(None, use_errno=True)


def call(result):
    if result < 0:
        sys.exit(77)


def own_namespaces():
    uid, gid = os.getuid(), os.getgid()
    call(libc.unshare(NEWUSER | NEWNET | NEWNS))
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
        with open(f"/proc/self/{name}", "w") as f:
            f.write(text)
    call(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None))


def put_over(path, text):
    with tempfile.NamedTemporaryFile("w") as f:
        f.write(text)
        f.flush()
        os.chmod(f.name, 0o644)
        call(libc.mount(f.name.encode(), os.path.realpath(path).encode(), None, MS_BIND, None))


def add_addresses(addresses):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for i, address in enumerate(["127.0.0.1", *addresses]):
            name = b"lo:%d" % i if i else b"lo"
            where = struct.pack("16sHH4s8x", name, socket.AF_INET, 0, socket.inet_aton(address))
            if i:
                fcntl.ioctl(s, SIOCSIFADDR, where)
            fcntl.ioctl(s, SIOCSIFFLAGS, struct.pack("16sH14x", name, IFF_UP))
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:  # else nobody asks for such addresses
        fcntl.ioctl(s, SIOCSIFADDR, struct.pack("16sIi", socket.inet_pton(socket.AF_INET6, PUBLIC6), 128,
                                                socket.if_nametoindex("lo")))


def main(fd, addresses, authorities, *program):
    own_namespaces()
    add_addresses(addresses.split(","))
    put_over("/etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:9 attempts:1\n")
    put_over("/etc/nsswitch.conf", "hosts: dns\n")
    if authorities:
        put_over("/etc/ssl/certs/ca-certificates.crt", open(authorities).read())
    names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    names.bind(("127.0.0.1", 53))
    web = [socket.create_server(("::", port), family=socket.AF_INET6, backlog=64, dualstack_ipv6=True)
           for port in (80, 443)]
    with socket.socket(fileno=int(fd)) as parent:
        socket.send_fds(parent, [b"x"], [s.fileno() for s in (names, *web)])
    for s in (names, *web):
        s.close()
    os.execv(program[0], program)


main(*sys.argv[1:])
