#!/bin/bash
# unit.sh BUILD : the unit files without booting anything: no unknown word in them, and their score.
set -eu
command -v systemd-analyze >/dev/null || { echo "skipped: systemd-analyze is not installed"; exit 77; }
build=$1 dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
DESTDIR="$dir" meson install -C "$build" --no-rebuild --quiet
units=$(dirname "$(find "$dir" -name tidingsd.service)")
# systemd-analyze looks for the programs where they would be: let it find these.
sed -i "s#^\(Exec[A-Za-z]*=\)/\(.*\)bin/tidings#\1$dir/\2bin/tidings#" "$units"/*.service
said=$(SYSTEMD_UNIT_PATH="$units:" systemd-analyze verify --man=no "$units"/tidingsd.service \
    "$units"/tidingsd.socket "$units"/tidingsd-{http,websub}.socket "$units"/tidings-backup.{service,timer} "$units"/tidings-follow@.service 2>&1 |
    grep -i tidings) && { echo "$said"; exit 1; }
# IPAddress*, SocketBind*, MemoryMax and TasksMax cannot be tried in every container: they stand here.
for want in 'IPAddressDeny=multicast link-local' SocketBindDeny=any MemoryMax=1536M TasksMax=256; do
    grep -qx "$want" "$units/tidingsd.service" || { echo "tidingsd.service lacks $want"; exit 1; }
done
systemd-analyze security --offline=true --threshold=12 "$units/tidingsd.service" | tail -1
# The config that is shipped for the service: good as it is, and with its comments taken away.
conf=$(find "$dir" -path '*doc*' -name feeds.conf)
"$build/daemon/client/tidings" check-config "$conf" >/dev/null
sed 's/^# \(\[feed\|url\|tags\|contact\)/\1/' "$conf" >"$dir/all.conf"
grep -q '^url' "$dir/all.conf" && "$build/daemon/client/tidings" check-config "$dir/all.conf" >/dev/null
# The drop-in for proxies: no unknown word, and 0.9 at most.
mkdir "$units/tidingsd.service.d"
cp "$(find "$dir" -name tidingsd-proxy.conf)" "$units/tidingsd.service.d/proxy.conf"
said=$(SYSTEMD_UNIT_PATH="$units:" systemd-analyze verify --man=no "$units"/tidingsd.service 2>&1 |
    grep -i tidings) && { echo "$said"; exit 1; }
SYSTEMD_UNIT_PATH="$units:" systemd-analyze security --offline=true --threshold=9 \
    "$units/tidingsd.service" | tail -1
