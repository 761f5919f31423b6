# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Signatures with PEER: certificates and raw keys, and what is refused, with the reason named on our
# side. Sourced; start_peer gets KIND/NAME in place of a pre-shared key: the name of a certificate in
# the folder of a kind of keys, or "raw".
# shellcheck disable=SC2034,SC2154,SC2317 # lib.sh has set what is not set here, and calls what is not called

# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

esp=aes128gcm16
tokyo="C=JP, O=Example, CN=tokyo" osaka="C=JP, O=Example, CN=osaka"

# Made once. P-256 brings SHA-256 whatever the suite has (RFC 4754), so that has another.
declare -A suite=([rsa]=aes256-sha256-ecp256 [ec]=aes256-sha512-ecp256)
pki=$(mktemp -d)
trap 'rm -rf "$pki"' EXIT

# The folder of a kind of keys: an authority with one below it, another one, and the two sites.
make_pki() # rsa|ec
{
	local past=(-startdate 20200101000000Z -enddate 20210101000000Z) name

	mkdir "$pki/$1"
	cd "$pki/$1" || exit 1
	umask 077
	authority ca ec
	authority other ec
	for name in tokyo osaka; do
		new_private_key "$1" >$name.key
		openssl pkey -in $name.key -pubout -out $name.pub
	done
	cp osaka.key expired.key
	cp osaka.key stranger.key
	certificate ca tokyo "/C=JP/O=Example/CN=tokyo"
	certificate ca osaka "/C=JP/O=Example/CN=osaka"
	certificate ca expired "/C=JP/O=Example/CN=osaka" "${past[@]}"
	certificate other stranger "/C=JP/O=Example/CN=osaka"
	revocation_list ca >none.crl
	revocation_list ca -crl_lastupdate 20200101000000Z -crl_nextupdate 20200201000000Z >old.crl
	revoke ca osaka
	revocation_list ca >osaka.crl
}

for kind in rsa ec; do
	(make_pki $kind) || skip_all "openssl cannot make certificates"
done

# Both sides; more words are lines of our configuration.
with_signatures() # KIND/NAME LINE...
{
	local kind=${1%/*}

	sites
	start_peer "$1" "${suite[$kind]}" $esp
	printf '%s\n' "[peer site]" "interface = esp0" "local = $OUT_A" "remote = $OUT_B" "version = 1" \
		"ike = ${suite[$kind]}" "esp = $esp" "local-subnets = $NET_A" "remote-subnets = $NET_B" \
		"key = $pki/$kind/tokyo.key" "${@:2}" >"$dir/a.conf"
	esp_dev a
	ask run -c "$dir/a.conf" >"$dir/ikehelper.log" 2>&1 &
	wait_for ask status
}

with_certs() # KIND/NAME LINE...
{
	with_signatures "$1" "cert = $pki/${1%/*}/tokyo.crt" "ca = $pki/${1%/*}/ca.crt" "${@:2}"
}

# The ladder breaks its lines; in JSON an event is one.
trace_has() # PATTERN...
{
	local pattern

	ask trace site --json >"$dir/trace"
	for pattern; do grep -q "$pattern" "$dir/trace"; done
}

declare -A method=([rsa]=RSA [ec]=ECDSA-256)

works() # we|they KIND
{
	"$1_initiate"
	tunnel_is_up
	pings_both_ways
	trace_has "the peer with ${method[$2]} signatures" "signs HASH_I"
	why_says up "are up"
}

# agree_certs we|they KIND: with a revocation list that neither is on.
agree_certs()
{
	with_certs "$2/osaka" "remote-id = $osaka" "crl = $pki/$2/none.crl"
	works "$@"
	trace_has "the certificate of $osaka from O=Test, CN=ca"
	ask status | grep -q "shown who it is with ${method[$2]} signatures and the certificate of $osaka"
}

agree_raw() # we|they KIND
{
	with_signatures "$2/raw" "peer-key = $pki/$2/osaka.pub" "local-id = @tokyo.example" \
		"remote-id = @osaka.example"
	works "$@"
}

# refused we|they KIND NAME CODE TEXT LINE...: no tunnel, none half made, and we say why.
refused()
{
	with_certs "$2/$3" "${@:6}"
	not "$1_initiate"
	trace_has "$5"
	why_says "$4" "$5"
	nothing_is_left
}

expired() { refused "$1" "$2" expired cert-expired "CN=osaka expired on 2021-01-01" "remote-id = $osaka"; }
wrong_ca() { refused "$1" "$2" stranger wrong-ca "it says that O=Test, CN=other has" "remote-id = $osaka"; }
revoked()
{
	refused "$1" "$2" osaka cert-revoked "CN=osaka was revoked by O=Test, CN=ca" "remote-id = $osaka" \
		"crl = $pki/$2/osaka.crl"
}
old_crl()
{
	refused "$1" "$2" osaka crl-expired "CN=ca expired on 2020-02-01" "remote-id = $osaka" \
		"crl = $pki/$2/old.crl"
}
# Who else the authority vouches for is not who we want; both names are shown.
wrong_id()
{
	refused "$1" "$2" osaka id-differs "CN=kyoto" "remote-id = C=JP, O=Example, CN=kyoto"
	grep -q "CN=osaka" "$dir/why"
}
