#!/bin/bash
# SPDX-License-Identifier: MIT
# What an administrator sees of packets: the link's statistics are exact on both sides, and a packet
# that is dropped has its reason in ethtool, in our tracepoint and in the kernel's.
#
#   a: esp0, espgen ─ veth0 198.51.100.1 ──── veth0 198.51.100.2 ─ esp0 10.2.0.1 :b

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

alg=aes128gcm16

link_stat() { "$1" ip -j -s link show esp0 | jq ".[0].stats64.$2"; } # a|b rx.packets

# ethtool_drop a|b REASON
ethtool_drop() { "$1" ethtool -S esp0 | sed -n "s/^ *$2: //p"; }

# In and out, packets and octets, whole and in error, at both ends.
link_statistics_are_exact()
{
	sites
	esp_pair $alg
	a ping -q -c 5 -i 0.2 -s 100 -W 10 -I $IN_A $IN_B
	for site in a b; do
		for way in rx tx; do
			same "$(link_stat $site $way.packets)" 5
			same "$(link_stat $site $way.bytes)" $((5 * 128))
			same "$(link_stat $site $way.errors)" 0
			same "$(link_stat $site $way.dropped)" 0
		done
	done

	forge $alg "$KEY_AB" 1,2,3
	wait_for prints 3 sa_drop b in $SPI_AB replay-duplicate
	forge $alg "$(new_key $alg)" 10,11
	wait_for prints 2 sa_drop b in $SPI_AB bad-icv
	same "$(link_stat b rx.packets)" 5
	same "$(link_stat b rx.dropped)" 3
	same "$(link_stat b rx.errors)" 2

	helper a sa del esp0 1 out $SPI_AB
	a ip route add 10.9.0.0/16 dev esp0 src $IN_A
	esp_sa a out 0x1005 $alg "$(new_key $alg)"
	no_ping a 10.9.0.1
	same "$(link_stat a tx.packets)" 5
	same "$(link_stat a tx.dropped)" 1
}

# Every reason, by the name that esptun(7) has for it, with the device's count.
ethtool_counts_each_reason()
{
	command -v ethtool >/dev/null || skip "ethtool is not there"
	sites
	esp_pair $alg
	same "$(a ethtool -i esp0 | sed -n 's/^driver: //p')" esptun
	same "$(ethtool_drop a no-peer)" 0
	a ip route add 10.9.0.0/16 dev esp0 src $IN_A
	no_ping a 10.9.0.1
	same "$(ethtool_drop a no-peer)" 1
	same "$(dev_drop a no-peer)" 1
	forge $alg "$(new_key $alg)" 10,11
	wait_for prints 2 ethtool_drop b bad-icv
}

# In the order of the trace: ours with device, peer and SPI, then the kernel's own with its reason.
each_drop_is_traced()
{
	local tracing=/sys/kernel/tracing

	[ -e $tracing/trace ] || mount -t tracefs tracefs $tracing 2>/dev/null || skip "no tracefs"
	sites
	esp_pair $alg
	echo 1 >$tracing/events/esptun/esptun_drop/enable
	echo 1 >$tracing/events/skb/kfree_skb/enable
	forge $alg "$(new_key $alg)" 7
	wait_for prints 1 sa_drop b in $SPI_AB bad-icv
	echo 0 >$tracing/events/esptun/esptun_drop/enable
	echo 0 >$tracing/events/skb/kfree_skb/enable
	cp $tracing/trace "$dir/trace"
	echo >$tracing/trace
	grep -A1 "esptun_drop: dev=esp0 peer=1 spi=${SPI_AB#0x} .* reason=bad-icv" "$dir/trace" >"$dir/found"
	grep -q 'kfree_skb: .* reason: XFRM_POLICY' "$dir/found"
}

run_tests link_statistics_are_exact ethtool_counts_each_reason each_drop_is_traced
