#!/bin/bash
# SPDX-License-Identifier: MIT
# Signatures with libreswan, each side as initiator and as responder. RSA alone: pluto has ECDSA in
# IKEv2 only.
# layers: guest libreswan
# shellcheck disable=SC2154,SC2317 # lib_certs.sh has set what is not set here, and calls what is not called

PEER=libreswan
# shellcheck source=lib_certs.sh
. "$(dirname "$0")/lib_certs.sh"

# A raw RSA key as pluto wants it: RFC 3110 (3 octets of exponent, 65537) in base64. In DER, the 256
# octets of the modulus come after 9 others.
pluto_key() # FILE.pub
{
	{
		printf '\003\001\000\001'
		openssl rsa -pubin -in "$1" -RSAPublicKey_out -outform DER 2>/dev/null | tail -c +10 | head -c 256
	} | base64 -w 0 | sed 's/^/0s/'
}

# The private key gets into NSS with a certificate only, if the connection knows it or not.
pluto_auth() # KIND/NAME
{
	local from=$pki/${1%/*} name=${1#*/} cert db="sql:$dir/nss" authority

	cert=$name
	[ "$name" != raw ] || cert=osaka
	: >"$dir/ipsec.secrets"
	openssl pkcs12 -export -passout pass: -name "$cert" -inkey "$from/$cert.key" -in "$from/$cert.crt" \
		-out "$dir/$cert.p12"
	pk12util -i "$dir/$cert.p12" -d "$db" -W "" >&2
	for authority in ca other; do
		certutil -A -d "$db" -n $authority -t CT,, -i "$from/$authority.crt"
	done
	echo "  authby=rsasig"
	if [ "$name" = raw ]; then
		cat <<-END
			  leftid=@osaka.example
			  leftrsasigkey=$(pluto_key "$from/osaka.pub")
			  rightid=@tokyo.example
			  rightrsasigkey=$(pluto_key "$from/tokyo.pub")
		END
	else
		cat <<-END
			  leftcert=$cert
			  leftid=%fromcert
			  leftsendcert=always
			  rightid="$tokyo"
			  rightrsasigkey=%cert
			  rightca="O=Test, CN=ca"
		END
	fi
}

# Without expired: pluto does not even load such a certificate of its own.
tests=()
for who in we they; do
	for what in agree_certs agree_raw revoked wrong_id wrong_ca; do
		tests+=("$what $who rsa")
	done
done
run_tests "${tests[@]}"
