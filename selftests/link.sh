#!/bin/bash
# SPDX-License-Identifier: MIT
# The link as `ip` sees it: made, shown, set, counted, deleted; its carrier says whether it sends.
#
#   a: esp0 ─ veth0 198.51.100.1 ──── veth0 198.51.100.2 ─ esp0 :b

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

link_json() { a ip -j -d -s link show esp0 | jq -r ".[0]$1"; }

add_show_del()
{
	new_ns NS_A
	a ip link add esp0 type esptun
	same "$(link_json .linkinfo.info_kind)" esptun
	same "$(link_json .link_type)" none
	same "$(link_json .stats64.rx.packets)" 0
	a ip -d -s link show esp0
	a ip link del esp0
	not a ip link show esp0
}

unnamed_devices_get_names()
{
	new_ns NS_A
	a ip link add type esptun
	a ip link add type esptun
	same "$(a ip -j link show type esptun | jq length)" 2
}

up_down_up()
{
	new_ns NS_A
	a ip link add esp0 type esptun
	a ip link set esp0 up
	a ip link set esp0 down
	a ip link set esp0 up
	[[ $(link_json .flags) == *UP* ]]
	a ip link set esp0 down
	a ip link set esp0 name office
	a ip link show office
}

mtu_has_limits()
{
	new_ns NS_A
	a ip link add esp0 type esptun
	a ip link set esp0 mtu 1280
	same "$(link_json .mtu)" 1280
	not a ip link set esp0 mtu 67
	not a ip link set esp0 mtu 65536
	same "$(link_json .mtu)" 1280
}

# A device that cannot send says so: routing daemons and admins read the carrier.
carrier_follows_outbound_sa()
{
	sites
	esp_dev a
	a ip link set esp0 up
	same "$(a cat /sys/class/net/esp0/carrier)" 0
	esp_peer a
	same "$(a cat /sys/class/net/esp0/carrier)" 0
	esp_sa a in $SPI_BA aes128gcm16 "$(new_key aes128gcm16)"
	same "$(a cat /sys/class/net/esp0/carrier)" 0
	esp_sa a out $SPI_AB aes128gcm16 "$(new_key aes128gcm16)"
	same "$(a cat /sys/class/net/esp0/carrier)" 1
	helper a sa del esp0 1 out $SPI_AB
	same "$(a cat /sys/class/net/esp0/carrier)" 0
	esp_sa a out $SPI_AB aes128gcm16 "$(new_key aes128gcm16)"
	same "$(a cat /sys/class/net/esp0/carrier)" 1
	helper a peer del esp0 1
	same "$(a cat /sys/class/net/esp0/carrier)" 0
}

# Packets and octets of the inner packets, the same on the link and on the SA.
counts_are_exact()
{
	local before_rx before_tx

	sites
	esp_pair aes128gcm16
	before_rx=$(link_json .stats64.rx.packets)
	before_tx=$(link_json .stats64.tx.packets)
	a ping -q -c 5 -i 0.2 -s 100 -W 10 -I $IN_A $IN_B
	same "$(link_json .stats64.tx.packets)" $((before_tx + 5))
	same "$(link_json .stats64.rx.packets)" $((before_rx + 5))
	same "$(sa_stat a out $SPI_AB packets)" 5
	same "$(sa_stat a out $SPI_AB bytes)" $((5 * 128))
	same "$(sa_stat a out $SPI_AB seq)" 5
	same "$(sa_stat b in $SPI_AB packets)" 5
	same "$(sa_stat b in $SPI_AB bytes)" $((5 * 128))
	same "$(link_json .stats64.tx.errors)" 0
	same "$(link_json .stats64.rx.errors)" 0
}

down_drops_what_arrives()
{
	sites
	esp_pair aes128gcm16
	pings_both_ways
	b ip link set esp0 down
	no_ping a $IN_B
	[ "$(dev_drop b link-down)" -gt 0 ] || [ "$(sa_drop b in $SPI_AB link-down)" -gt 0 ]
	b ip link set esp0 up
	b ip route add $NET_A dev esp0 src $IN_B
	pings_both_ways
}

deleted_with_tunnels_up()
{
	sites
	esp_pair aes128gcm16
	pings_both_ways
	a ip link del esp0
	not a ip link show esp0
	b ip link del esp0
	# Again with the same SPIs: nothing of the first devices is in the way.
	esp_pair aes128gcm16
	pings_both_ways
}

run_tests add_show_del unnamed_devices_get_names up_down_up mtu_has_limits \
	carrier_follows_outbound_sa counts_are_exact down_drops_what_arrives \
	deleted_with_tunnels_up
