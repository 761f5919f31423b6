#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs the commands of README.md's first tunnel as they stand there, on two sites in
# network namespaces: a reader who types them gets a working tunnel.
#
#   tokyo 198.51.100.1 ──── veth ──── 198.51.100.2 osaka
#         10.1.0.1/24 on lo                 10.2.0.1/24 on lo
#
# Needs ESPTUN_KO and IKEHELPER, and runs as root in the VM (make check-interop).
# layers: guest
# shellcheck disable=SC2317 # functions are called through ok
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
: "${ESPTUN_KO:?the module}" "${IKEHELPER:?the helper}"
tmp=$(mktemp -d)
n=0 failed=0

cleanup()
{
	for s in tokyo osaka; do
		ip netns pids "$s" | xargs -r kill
		ip netns del "$s"
	done
	rm -rf "$tmp"
}
trap cleanup EXIT

ok()
{
	n=$((n + 1))
	if "${@:2}"; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		failed=1
	fi
}

# The code blocks of README.md that carry the given mark, without sudo.
blocks()
{
	awk -v mark="<!-- test: $1 -->" '
		$0 == mark { on = 1; next }
		on == 1 && /^```sh/ { on = 2; next }
		on == 2 && /^```/ { on = 0; next }
		on == 2 { sub(/^sudo /, ""); print }' "$top/README.md"
}

# A site: its own network, /etc/esptun and /run, as on a host of its own.
site()
{
	local name=$1 file=$2
	ip netns exec "$name" unshare -m bash -c '
		mkdir -p /etc/esptun /run/esptun &&
		mount --bind "'"$tmp/$name"'/etc" /etc/esptun &&
		mount --bind "'"$tmp/$name"'/run" /run/esptun &&
		. "'"$file"'"' >"$file.out" 2>&1
	local rc=$?
	sed 's/^/# /' "$file.out"
	return "$rc"
}

run()
{
	blocks "$2" >"$tmp/$1.$2.sh"
	[ -s "$tmp/$1.$2.sh" ] || { echo "# README.md has no block marked $2"; return 1; }
	{ echo 'set -e'; cat "$tmp/$1.$2.sh"; } >"$tmp/$1.sh"
	site "$1" "$tmp/$1.sh"
}

cp "$IKEHELPER" /usr/local/sbin/ikehelper 2>/dev/null || PATH=$(dirname "$IKEHELPER"):$PATH
lsmod | grep -q '^esptun ' || insmod "$ESPTUN_KO" || exit 1
mkdir -p "$tmp"/{tokyo,osaka}/{etc,run}
ip netns add tokyo
ip netns add osaka
ip -n tokyo link add eth0 type veth peer name eth0 netns osaka
i=0
for s in tokyo osaka; do
	i=$((i + 1))
	ip -n $s link set lo up
	ip -n $s addr add 10.$i.0.1/24 dev lo
	ip -n $s addr add 198.51.100.$i/24 dev eth0
	ip -n $s link set eth0 up
done

echo "1..5"
ok "the secret" run tokyo secret
cp "$tmp/tokyo/etc/ten.psk" "$tmp/osaka/etc/" # "over a channel that you trust"
ok "osaka's commands" run osaka osaka
ok "tokyo's commands: up, ping, status, trace, the blackhole" run tokyo tokyo
ok "the ladder was drawn" grep -q '(9)' "$tmp/tokyo.sh.out"
# The public key of the other side came over a channel of their own.
keyed()
{
	run tokyo keys && cp "$tmp/tokyo/etc/tokyo.pub" "$tmp/tokyo/etc/osaka.pub" && run tokyo keyed
}
ok "keys in place of the secret" keyed
exit $failed
