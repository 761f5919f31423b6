#!/bin/bash
# SPDX-License-Identifier: MIT
# Signatures with strongSwan: RSA and ECDSA, each side as initiator and as responder.
# layers: guest strongswan
# shellcheck disable=SC2154,SC2317 # lib_certs.sh has set what is not set here, and calls what is not called

PEER=strongswan
# shellcheck source=lib_certs.sh
. "$(dirname "$0")/lib_certs.sh"

# In place of the pre-shared key: what strongSwan shows, a certificate's name or "raw".
swanctl_conf() # KIND/NAME IKE ESP
{
	local from=$pki/${1%/*} name=${1#*/} ours theirs

	# Where its files are is where this one is.
	mkdir "$dir"/{x509,x509ca,private,pubkey}
	if [ "$name" = raw ]; then
		cp "$from/osaka.key" "$dir/private"
		cp "$from"/{tokyo,osaka}.pub "$dir/pubkey"
		ours="id = osaka.example
		pubkeys = osaka.pub"
		theirs="id = tokyo.example
		pubkeys = tokyo.pub"
	else
		cp "$from/$name.key" "$dir/private"
		cp "$from/$name.crt" "$dir/x509"
		cp "$from"/{ca,other}.crt "$dir/x509ca"
		ours="certs = $name.crt"
		theirs="id = \"$tokyo\"
		cacerts = ca.crt"
	fi
	swanctl_connection "$2" "$3" "auth = pubkey
		$ours" "auth = pubkey
		$theirs"
}

tests=()
for what in agree_certs expired revoked wrong_id wrong_ca; do
	tests+=("$what we rsa" "$what they ec")
done
run_tests "agree_certs they rsa" "agree_certs we ec" "agree_raw we rsa" "agree_raw they ec" "${tests[@]}" "old_crl we ec"
