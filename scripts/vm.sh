#!/bin/bash
# SPDX-License-Identifier: MIT
# Run one command as root in a QEMU guest that boots a Debian kernel over this host's own files.
#
#   vm.sh [options] COMMAND [ARG...]
#     -k KERNEL    a series (6.1, 6.12, 7.2), or a folder with vmlinux and lib/modules/VERSION;
#                  default: this system's series
#     -s CPUS      default 1: emulated, a second one makes everything several times slower
#     -m MIB       memory, default 1024
#     -t SECONDS   time limit, default 600
#     -e NAME[=V]  hand an environment variable in (repeatable)
#     -o DIR       a folder the guest may write to, at the same path (repeatable)
#     -i           skip the guest's idle time: its clock counts instructions, and jumps when there are
#                  none. What waits is over at once, what computes takes longer; a busy host delays
#                  nothing by the guest's clock. For one processor; KVM has no such clock.
#     -x LAYER     a folder of unpacked packages, laid over the host's files, or one of layer.sh's
#                  names: guest, scapy, tshark, strongswan, libreswan (repeatable)
#
# The guest's root is the host's, read-only, under an overlay in its memory: every program and the
# project are there at their own paths, and nothing written survives but what goes to an -o folder.
# Exit status: the command's; 124: time ran out; 125: the kernel died, or complained while the
# command ran (its log is shown). No KVM is needed; VM_ACCEL=kvm uses it.
set -euo pipefail
. "$(dirname "$0")/common.sh"

# What the guest needs to reach the host's files; everything else it loads from there.
boot_modules="virtio_pci virtio_console 9p 9pnet_virtio overlay"

usage() { sed -n '3,/^set/{/^set/!s/^# \{0,1\}//p}' "$0" >&2; exit 2; }

kernel='' cpus=1 mem=1024 limit=600 skip_idle=no env=() outs=() layers=()
while getopts k:s:m:t:ie:o:x: opt; do
	case $opt in
	k) kernel=$OPTARG ;;
	s) cpus=$OPTARG ;;
	m) mem=$OPTARG ;;
	t) limit=$OPTARG ;;
	i) skip_idle=yes ;;
	e) env+=("$OPTARG") ;;
	o) outs+=("$(realpath "$OPTARG")") ;;
	x)
		[ -d "$OPTARG" ] || OPTARG=$("$top/scripts/layer.sh" "$OPTARG")
		layers+=("$(realpath "$OPTARG")")
		;;
	*) usage ;;
	esac
done
shift $((OPTIND - 1))
[ -z "${VM_ACCEL-}" ] || skip_idle=no
[ $# -gt 0 ] || usage
for p in qemu-system-x86_64 busybox cpio; do
	command -v $p >/dev/null || die "$p is missing: run scripts/setup.sh vm"
done

[ -n "$kernel" ] || kernel=$("$top/scripts/kernel.sh" default)
[ -d "$kernel" ] || kernel=$("$top/scripts/kernel.sh" image "$kernel")
kernel=$(realpath "$kernel")
version=$(basename "$kernel"/lib/modules/*)

# First stage, in the initramfs: put the root together and go there. Written by mkinit, read by
# the guest's busybox.
mkinit() {
	cat <<-'INIT'
		#!/bin/busybox sh
		set -e
		export PATH=/bin
		mount -t proc proc /proc
		mount -t sysfs sysfs /sys
		mount -t devtmpfs devtmpfs /dev
		for m in $(cat /modules/order); do insmod /modules/$m; done
		attach() { mkdir -p "$2" && mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,$3 "$1" "$2"; }
		attach host /host ro,cache=loose
		attach ctl /ctl cache=none
		. /ctl/boot
		lower=/host
		for d in $LAYERS; do
			attach $d /$d ro,cache=loose
			lower=/$d:$lower
		done
		mount -t tmpfs -o size=75% tmpfs /rw
		mkdir /rw/upper /rw/work
		mount -t overlay -o "lowerdir=$lower,upperdir=/rw/upper,workdir=/rw/work" overlay /root
		for d in proc sys dev; do mount --move /$d /root/$d; done
		mount -t tmpfs -o mode=755 tmpfs /root/run
		mkdir -p /root/run/vm /root/run/lock /root/dev/pts /root/dev/shm
		mount --move /ctl /root/run/vm
		mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /root/dev/pts
		mount -t tmpfs tmpfs /root/dev/shm
		mount -t debugfs debugfs /root/sys/kernel/debug
		mkdir -p "/root/lib/modules/$VERSION"
		mount --bind "/host$KERNEL/lib/modules/$VERSION" "/root/lib/modules/$VERSION"
		for d in $OUTS; do attach ${d%%/*} "/root/${d#*/}" cache=none; done
		hostname esptun-vm
		ip link set lo up
		exec switch_root /root /bin/bash /run/vm/main
	INIT
}

# The initramfs depends on the kernel and on what is written above: made once for each.
mkinitramfs() {
	local key out tmp m f n=0
	key=$({ declare -f mkinit mkinitramfs; echo "$boot_modules"; } | md5sum | cut -c1-12)
	out=$kernel/initramfs-$key
	[ -w "$kernel" ] || out=$run/initramfs
	if [ ! -e "$out" ]; then
		tmp=$(mktemp -d -p "$run")
		mkdir -p "$tmp"/{bin,dev,proc,sys,modules,host,ctl,rw,root}
		cp "$(command -v busybox)" "$tmp/bin/busybox"
		for m in sh cat mkdir mount insmod hostname ip switch_root; do ln -sf busybox "$tmp/bin/$m"; done
		for m in $boot_modules; do
			/sbin/modprobe -d "$kernel" -S "$version" --show-depends "$m"
		done | sed -n 's/^insmod \([^ ]*\).*/\1/p' | awk '!seen[$0]++' | while read -r f; do
			m=$((n++))
			case $f in
			*.xz) xz -dc "$f" ;;
			*.zst) zstd -qdc "$f" ;;
			*) cat "$f" ;;
			esac >"$tmp/modules/$m"
			echo "$m" >>"$tmp/modules/order"
		done
		mkinit >"$tmp/init"
		chmod +x "$tmp/init"
		(cd "$tmp" && find . -print0 | cpio --quiet -0oH newc -R 0:0) >"$out.$$"
		mv "$out.$$" "$out"
	fi
	echo "$out"
}

# Second stage, on the final root: run the command, note how it ended and what the kernel said.
mkmain() {
	local e
	cat <<-'MAIN'
		export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb LC_ALL=C.UTF-8
		mkfifo /run/out
		cat </run/out >/dev/vport*p1 &
		out=$!
		echo "esptun-vm: command starts" >/dev/kmsg
	MAIN
	# A guest that waits for its files is idle, too: no jump may be so long that a peer gives up meanwhile.
	[ $skip_idle = no ] || echo "perl -e 'select undef, undef, undef, 0.001 while 1' &"
	for e in ${env[@]+"${env[@]}"}; do
		case $e in
		*=*) printf 'export %s=%q\n' "${e%%=*}" "${e#*=}" ;;
		*) [ -z "${!e+set}" ] || printf 'export %s=%q\n' "$e" "${!e}" ;;
		esac
	done
	printf '(cd %q && exec' "$PWD"
	printf ' %q' "$@"
	cat <<-'MAIN'
		) </dev/null >/run/out 2>&1
		rc=$?
		for i in 1 2 3 4 5 6 7 8 9 10; do
			kill -0 $out 2>/dev/null || break
			sleep 0.1
		done
		dmesg | sed '1,/esptun-vm: command starts/d' >/run/vm/dmesg
		echo $rc >/run/vm/rc
		sync
		echo o >/proc/sysrq-trigger
		sleep 60
	MAIN
}

run=$(mktemp -d)
trap 'rm -rf "$run"' EXIT
initramfs=$(mkinitramfs)
mkdir "$run/ctl"
mkmain "$@" >"$run/ctl/main"

share() { # TAG PATH OPTIONS: a folder of the host for the guest, by 9p
	args+=(-fsdev "local,id=$1,path=$2,security_model=none,multidevs=remap$3"
		-device "virtio-9p-pci,fsdev=$1,mount_tag=$1")
}

args=(-M pc -cpu "max,la57=off" -smp "$cpus" -m "$mem"
	-nodefaults -nographic -no-reboot -nic none -serial "file:$run/console"
	-kernel "$kernel/vmlinux" -initrd "$initramfs"
	-device virtio-serial-pci -chardev "stdio,id=out,signal=off" -device "virtserialport,chardev=out,nr=1")
if [ $skip_idle = yes ]; then
	args+=(-accel "tcg,thread=single" -icount "shift=0,sleep=off" -rtc clock=vm)
else
	args+=(-accel "${VM_ACCEL:-tcg,thread=multi}")
fi
share host / ,readonly=on
share ctl "$run/ctl" ''
tags=() ways=()
for d in ${layers[@]+"${layers[@]}"}; do
	share "layer${#tags[@]}" "$d" ,readonly=on
	tags+=("layer${#tags[@]}")
done
for d in ${outs[@]+"${outs[@]}"}; do
	share "out${#ways[@]}" "$d" ''
	ways+=("out${#ways[@]}$d")
done
printf '%s=%q\n' KERNEL "$kernel" VERSION "$version" LAYERS "${tags[*]-}" OUTS "${ways[*]-}" >"$run/ctl/boot"
# no_timer_check: under load a TCG guest may find its timer interrupt late and panic.
append="console=ttyS0 quiet panic=-1 oops=panic no_timer_check nowatchdog mitigations=off apparmor=0 audit=0
 random.trust_cpu=on log_buf_len=4M"

# QEMU drops the guest's output once its own stdin has ended: a pipe that never does.
mkfifo "$run/stdin"
status=0
timeout --foreground -k 5 "$limit" qemu-system-x86_64 "${args[@]}" -append "${append//$'\n'/}" \
	<>"$run/stdin" 2>"$run/qemu" || status=$?

if [ ! -e "$run/ctl/rc" ]; then
	[ "$status" != 124 ] || { say "vm.sh: time ran out after $limit s"; exit 124; }
	cat "$run/qemu" >&2
	tail -60 "$run/console" >&2 || true
	say "vm.sh: the guest died before the command ended"
	exit 125
fi
if grep -qE 'BUG|WARNING|Oops|UBSAN|KASAN|unregister_netdevice: waiting|blocked for more than|corruption' "$run/ctl/dmesg"; then
	cat "$run/ctl/dmesg" >&2
	say "vm.sh: the kernel complained while the command ran, see its log above"
	exit 125
fi
exit "$(cat "$run/ctl/rc")"
