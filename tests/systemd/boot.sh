#!/bin/bash
# boot.sh BUILD : boots what `meson install` installs, under a real systemd, and runs run.sh in there.
#
# The root of this machine is the lower layer of an overlay in memory, so nothing here changes and
# nothing is downloaded. The exit status is run.sh's; 77 = skipped, with the reason.
set -eu
build=$(realpath "$1") here=$(realpath "$(dirname "$0")")
skip() { echo "skipped: $*"; exit 77; }
[ "$(id -u)" = 0 ] || skip "booting a container needs root"
command -v systemd-nspawn >/dev/null || skip "systemd-nspawn is not installed (package systemd-container)"
command -v python3 >/dev/null || skip "python3 is not installed"

# The booted system has a network of its own: that of a user namespace, since its loopback device can be brought up
# also where CAP_NET_ADMIN is missing, as in a container.
exec 3< <(exec unshare --user --map-root-user --net python3 -c 'import fcntl, signal, socket, struct
fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sh14x", b"lo", 0x41))  # SIOCSIFFLAGS: up, running
print("up", flush=True)
signal.pause()' 2>/dev/null)
net=$!
read -r up <&3 || skip "a loopback device cannot be brought up here"

w=$(mktemp -d)
clean() { kill $net; umount "$w/root" 2>/dev/null; umount "$w" 2>/dev/null; rmdir "$w"; }
trap clean EXIT
mount -t tmpfs -o size=1G tmpfs "$w" 2>/dev/null || skip "a tmpfs cannot be mounted here"
mkdir "$w/up" "$w/wk" "$w/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$w/up,workdir=$w/wk" "$w/root" 2>/dev/null ||
    skip "an overlay of / cannot be mounted here"

tr -d - </proc/sys/kernel/random/uuid >"$w/root/etc/machine-id"
DESTDIR="$w/root" meson install -C "$build" --no-rebuild --quiet
mkdir -p "$w/root/e2e" "$w/root/var/log/journal"
rm -rf "$w/root/var/log/journal" "$w/root/var/lib/tidings" "$w/root/var/lib/private/tidings"
cp "$here"/run.sh "$here"/origin.py "$w/root/e2e/"
meson introspect --buildoptions "$build" | python3 -c '
import json, os, sys
o = {x["name"]: x["value"] for x in json.load(sys.stdin)}
at = lambda d: os.path.join(o["prefix"], o[d])
print("bindir=%s sbindir=%s sysconfdir=%s" % tuple(map(at, ("bindir", "sbindir", "sysconfdir"))))
' >"$w/root/e2e/paths"
units=$w/root/etc/systemd/system
cp "$here"/e2e.service "$here"/e2e.target "$units/"
# A forbidden system call kills, so that it is seen; the watchdog need not be waited for.
# Beside other systemds, as in a container, this one may miss that the last process of a service has ended, and goes on
# when TimeoutStopSec= is over.
mkdir -p "$units/tidingsd.service.d"
printf '[Service]\nSystemCallErrorNumber=\nWatchdogSec=3s\nRestartSec=100ms\nTimeoutStopSec=8s\n' \
    >"$units/tidingsd.service.d/strict.conf"
rc=0
timeout 240 systemd-nspawn -q -D "$w/root" -M "tidings-e2e-$$" -b --register=no --keep-unit \
    --network-namespace-path="/proc/$net/ns/net" --link-journal=no --console=pipe \
    --system-call-filter='landlock_create_ruleset landlock_add_rule landlock_restrict_self' \
    -- systemd.unit=e2e.target </dev/null >"$w/console" 2>&1 || rc=$?
if ! [ -s "$w/root/e2e/out.log" ]; then
    cat "$w/console"
    skip "systemd does not boot in systemd-nspawn here (status $rc)"
fi
cat "$w/root/e2e/out.log"
exit $rc
