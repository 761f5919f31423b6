#!/bin/bash
# SPDX-License-Identifier: MIT
# What people get wrong: each mistake is one line that says what, where and what to do; the exit
# status says that it failed, and nothing has changed.
#
#   a: esp0 ─ veth0 198.51.100.1 ──── veth0 198.51.100.2 :b

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

psk="long enough to be a secret"

# wrong TEXT COMMAND...: fails with one line, which has TEXT in it.
wrong()
{
	local text=$1 said status=0

	shift
	said=$("$@" 2>&1) || status=$?
	echo "$said"
	[ $status != 0 ]
	same "$(wc -l <<<"$said")" 1
	[[ $said == *"$text"* ]]
	unchanged
}

state() { { helper a peer show --json; helper a sa show --json; } | jq -c 'del(.[].age)'; }
unchanged() { same "$(state)" "$before"; }

# esp0 with a peer and an SA, and a key file that is right.
ready()
{
	sites
	esp_dev a
	esp_peer a
	esp_sa a in $SPI_BA aes128gcm16 "$(new_key aes128gcm16)"
	before=$(state)
	(umask 077 && new_key aes128gcm16 >"$dir/key" && echo "$psk" >"$dir/site.psk")
}

add() { helper a sa add esp0 1 "$@"; }

key_files()
{
	ready
	wrong "cannot read $dir/nowhere: No such file" add in 0x1001 aes128gcm16 "$dir/nowhere"
	wrong "is a directory" add in 0x1001 aes128gcm16 "$dir"
	chmod 644 "$dir/key"
	wrong "chmod 600 $dir/key" add in 0x1001 aes128gcm16 "$dir/key"
	chmod 600 "$dir/key"
	wrong "key is 20 octets, aes256gcm16 needs 36" add in 0x1001 aes256gcm16 "$dir/key"
	wrong "key is 20 octets, aes128-sha1 needs 36" add in 0x1001 aes128-sha1 "$dir/key"
	truncate -s -1 "$dir/key"
	wrong "$dir/key" add in 0x1001 aes128gcm16 "$dir/key"
	: >"$dir/key"
	wrong "key is 0 octets" add in 0x1001 aes128gcm16 "$dir/key"
	printf 'not a key' >"$dir/key"
	wrong "$dir/key" add in 0x1001 aes128gcm16 "$dir/key"
	head -c 20 /dev/zero >"$dir/key"
	wrong "hexadecimal" add in 0x1001 aes128gcm16 "$dir/key"
	head -c 100000 /dev/zero | tr '\0' a >"$dir/key"
	wrong "too long" add in 0x1001 aes128gcm16 "$dir/key"
}

numbers()
{
	local spi

	ready
	for spi in 255 0 0xff; do
		wrong "SPI $spi is below 256" add in $spi aes128gcm16 "$dir/key"
	done
	for spi in -1 0x100000000 4294967296 spi "" 0x; do
		wrong "SPI" add in "$spi" aes128gcm16 "$dir/key"
	done
	wrong "is no peer" helper a peer del esp0 minus
	wrong "no subnet" helper a peer add esp0 2 remote 192.0.2.1 selectors 10.1.0.0/33=10.2.0.0/16
	wrong "write 10.1.0.0/16" helper a peer add esp0 2 remote 192.0.2.1 selectors 10.1.0.1/16=10.2.0.0/16
	wrong "LOCAL=REMOTE" helper a peer add esp0 2 remote 192.0.2.1 selectors 10.1.0.0/16
	wrong "remote wants an address" helper a peer add esp0 2 remote osaka selectors $NET_A=$NET_B
	wrong "window" add in 0x1001 aes128gcm16 "$dir/key" replay 100
	wrong "wants a number" add in 0x1001 aes128gcm16 "$dir/key" limits soft-packets many
}

words()
{
	ready
	wrong "no command teach" helper a teach
	wrong "help lists them" helper a
	wrong "add|set|del|show" helper a peer
	wrong "device is missing" helper a peer add
	wrong "do not know what loudly is for" helper a peer add esp0 2 loudly
	wrong "do not know what loudly is for" add in 0x1001 aes128gcm16 "$dir/key" loudly
	wrong "in or out" add inout 0x1001 aes128gcm16 "$dir/key"
	wrong "rot13" add in 0x1001 rot13 "$dir/key"
	wrong "there is no device esp9" helper a peer add esp9 2 remote 192.0.2.1 selectors $NET_A=$NET_B
	wrong "no esptun device" helper a peer add veth0 2 remote 192.0.2.1 selectors $NET_A=$NET_B
}

duplicates()
{
	ready
	wrong "has a peer 1: use peer set" esp_peer a 1
	wrong "has no peer 2: use peer add" helper a peer set esp0 2 remote 192.0.2.1
	wrong "given twice, or another peer has it" esp_peer a 2
	wrong "in use" esp_sa a in $SPI_BA aes128gcm16 "$(new_key aes128gcm16)"
	wrong "no such SA" helper a sa del esp0 1 out $SPI_BA
	wrong "none of this id" helper a peer del esp0 7
}

no_permission()
{
	local user=(setpriv --reuid 65534 --clear-groups)

	ready
	wrong "run as root" a "${user[@]}" "$IKEHELPER" peer show
	wrong "run as root" a "${user[@]}" "$IKEHELPER" peer del esp0 1
	wrong "" a "${user[@]}" "$IKEHELPER" -s "$dir/nobody" status
}

no_module()
{
	new_ns NS_A
	rmmod esptun
	unchanged() { :; } # nobody to ask
	wrong "the esptun module is not loaded: insmod esptun.ko or modprobe esptun" helper a peer show
	wrong "the esptun module is not loaded" helper a monitor
	load_module
	helper a peer show
}

# config LINE...: the configuration of a peer "site", and these lines behind.
config()
{
	printf '%s\n' "[peer site]" "interface = esp0" "remote = $OUT_B" "psk-file = $dir/site.psk" \
		"version = 1" "$@" >"$dir/conf"
}

# config_wrong TEXT: check and run both refuse the file with this line.
config_wrong()
{
	wrong "$1" helper a check "$dir/conf"
	wrong "$1" helper a -s "$dir/control" run -c "$dir/conf"
	not test -e "$dir/control"
}

configuration()
{
	ready
	config
	helper a check "$dir/conf"
	config "colour = red"
	config_wrong "conf:6: "
	config "psk-file = $dir/other.psk"
	config_wrong "conf:6: "
	config "version = 3"
	config_wrong "conf:6: "
	config "ike = aes256-sha256"
	config_wrong "conf:6: "
	config "ike = 3des-sha1-modp1024"
	config_wrong "legacy = yes"
	config "esp = rot13"
	config_wrong "conf:6: "
	config "lifetime-esp = soon"
	config_wrong "conf:6: "
	config "local-subnets = 10.1.0.1/16"
	config_wrong "write 10.1.0.0/16"
	config && sed -i '/version/d' "$dir/conf"
	config_wrong "write version = 1"
	config && sed -i '/remote/d' "$dir/conf"
	config_wrong "conf:1: "
	config "[peer site]" "interface = esp0" "remote = 192.0.2.9" "psk-file = $dir/site.psk" "version = 1"
	config_wrong "conf:6: "
	config "[peer other]" "interface = esp0" "remote = $OUT_B" "psk-file = $dir/site.psk" "version = 1"
	config_wrong "conf:"
	echo "interface = esp0" >"$dir/conf"
	config_wrong "conf:1: "
	: >"$dir/conf"
	config_wrong "conf"
	rm "$dir/conf"
	config_wrong "No such file"
}

pre_shared_keys()
{
	ready
	config
	chmod 644 "$dir/site.psk"
	config_wrong "chmod 600 $dir/site.psk"
	chmod 600 "$dir/site.psk"
	rm "$dir/site.psk"
	config_wrong "$dir/site.psk: No such file"
	(umask 077 && echo "nineteen characters" >"$dir/site.psk")
	config_wrong "weak-psk = yes"
	config "weak-psk = yes"
	helper a check "$dir/conf"
	: >"$dir/site.psk"
	config_wrong "$dir/site.psk"
}

second_daemon()
{
	ready
	config
	helper a -s "$dir/control" run -c "$dir/conf" >"$dir/log" 2>&1 &
	wait_for helper a -s "$dir/control" status
	before=$(state)
	wrong "" helper a -s "$dir/control" run -c "$dir/conf"
	# Another socket does not make it another UDP port 500.
	wrong "500" helper a -s "$dir/control2" run -c "$dir/conf"
	helper a -s "$dir/control" status
}

daemon_commands()
{
	ready
	config
	wrong "" helper a -s "$dir/control" status
	helper a -s "$dir/control" run -c "$dir/conf" >"$dir/log" 2>&1 &
	wait_for helper a -s "$dir/control" status
	before=$(state)
	wrong "nobody" helper a -s "$dir/control" up nobody
	wrong "nobody" helper a -s "$dir/control" down nobody
	wrong "nobody" helper a -s "$dir/control" status nobody
	wrong "nobody" helper a -s "$dir/control" trace nobody
	wrong "nobody" helper a -s "$dir/control" why nobody
	wrong "" helper a -s "$dir/control" why
	wrong "" helper a -s "$dir/control" up
}

no_device()
{
	ready
	config
	sed -i 's/esp0/esp9/' "$dir/conf"
	wrong "esp9" helper a -s "$dir/control" run -c "$dir/conf"
	sed -i 's/esp9/veth0/' "$dir/conf"
	wrong "veth0" helper a -s "$dir/control" run -c "$dir/conf"
}

run_tests key_files numbers words duplicates no_permission no_module configuration pre_shared_keys \
	second_daemon daemon_commands no_device
