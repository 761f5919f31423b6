// SPDX-License-Identifier: MIT
/* Suites as people write them: aes256-sha256-modp2048. */
#include "proposal.h"

#include <stdio.h>
#include <string.h>

#define WHY_MAX (PROPOSAL_TEXT * 2)

enum kind { KIND_CIPHER, KIND_HASH, KIND_GROUP, KIND_ESN, N_KINDS };

static const char *const kind_names[] = { "cipher", "hash", "group", "ESN" };

#define AES(mode, cipher)                                           \
	{ "aes128" mode, KIND_CIPHER, cipher, 128, false },         \
		{ "aes192" mode, KIND_CIPHER, cipher, 192, false }, \
	{                                                           \
		"aes256" mode, KIND_CIPHER, cipher, 256, false      \
	}

/* The first spelling of a value is the one that is printed. */
static const struct word {
	const char *text;
	enum kind kind;
	int value;
	uint16_t key_bits;
	bool legacy;
} words[] = {
	AES("gcm16", CIPHER_AES_GCM_16),
	AES("ccm16", CIPHER_AES_CCM_16),
	{ "chacha20poly1305", KIND_CIPHER, CIPHER_CHACHA20_POLY1305, 256, false },
	AES("gmac", CIPHER_AES_GMAC),
	AES("gcm16iiv", CIPHER_AES_GCM_16_IIV),
	AES("ccm16iiv", CIPHER_AES_CCM_16_IIV),
	{ "chacha20poly1305iiv", KIND_CIPHER, CIPHER_CHACHA20_POLY1305_IIV, 256, false },
	AES("", CIPHER_AES_CBC),
	{ "aes", KIND_CIPHER, CIPHER_AES_CBC, 128, false },
	{ "null", KIND_CIPHER, CIPHER_NULL, 0, false },
	{ "3des", KIND_CIPHER, CIPHER_3DES, 192, true },
	{ "sha1", KIND_HASH, HASH_SHA1, 0, false },
	{ "sha", KIND_HASH, HASH_SHA1, 0, false },
	{ "sha256", KIND_HASH, HASH_SHA256, 0, false },
	{ "sha384", KIND_HASH, HASH_SHA384, 0, false },
	{ "sha512", KIND_HASH, HASH_SHA512, 0, false },
	{ "modp1024", KIND_GROUP, GROUP_MODP1024, 0, true },
	{ "modp1536", KIND_GROUP, GROUP_MODP1536, 0, true },
	{ "modp2048", KIND_GROUP, GROUP_MODP2048, 0, false },
	{ "modp3072", KIND_GROUP, GROUP_MODP3072, 0, false },
	{ "modp4096", KIND_GROUP, GROUP_MODP4096, 0, false },
	{ "ecp256", KIND_GROUP, GROUP_ECP256, 0, false },
	{ "ecp384", KIND_GROUP, GROUP_ECP384, 0, false },
	{ "x25519", KIND_GROUP, GROUP_X25519, 0, false },
	{ "curve25519", KIND_GROUP, GROUP_X25519, 0, false },
	{ "esn", KIND_ESN, true, 0, false },
	{ "noesn", KIND_ESN, false, 0, false },
};

#define N_WORDS (sizeof(words) / sizeof(words[0]))

static const struct word *word_find(const char *text, size_t len)
{
	for (size_t i = 0; i < N_WORDS; i++)
		if (strlen(words[i].text) == len && !strncmp(words[i].text, text, len))
			return &words[i];
	return NULL;
}

/* The word of each kind in text, NULL where it has none. */
static int split(const char *text, bool legacy, bool esp,
		 const struct word *found[N_KINDS], const char *example, char *why)
{
	memset(found, 0, N_KINDS * sizeof(*found));
	for (;;) {
		size_t len = strcspn(text, "-");
		const struct word *w = word_find(text, len);
		int shown = len > 24 ? 24 : len;

		why[0] = 0;
		if (!w)
			snprintf(why, WHY_MAX,
				 "unknown word \"%.*s\"; write for example %s", shown,
				 text, example);
		else if (esp && w->value == CIPHER_3DES && w->kind == KIND_CIPHER)
			snprintf(why, WHY_MAX, "%s is not for ESP; write for example %s",
				 w->text, example);
		else if (w->legacy && !legacy)
			snprintf(why, WHY_MAX, "%s is weak: it needs legacy = yes",
				 w->text);
		else if (found[w->kind])
			snprintf(why, WHY_MAX, "two words for the %s: %s and %s",
				 kind_names[w->kind], found[w->kind]->text, w->text);
		if (why[0])
			return -1;
		found[w->kind] = w;
		if (!text[len])
			return 0;
		text += len + 1;
	}
}

int ike_proposal_parse(const char *text, bool legacy, struct ike_proposal *out, char *why)
{
	static const char example[] = "aes256-sha256-modp2048";
	const struct word *w[N_KINDS];

	if (split(text, legacy, false, w, example, why))
		return -1;
	if (!w[KIND_CIPHER] || !w[KIND_HASH] || !w[KIND_GROUP]) {
		snprintf(why, WHY_MAX,
			 "an IKE suite names a cipher, a hash and a group: %s", example);
		return -1;
	}
	if (w[KIND_CIPHER]->value >= CIPHER_NULL || w[KIND_ESN]) {
		snprintf(why, WHY_MAX, "%s is for ESP only; write for example %s",
			 w[KIND_ESN] ? w[KIND_ESN]->text : w[KIND_CIPHER]->text, example);
		return -1;
	}
	*out = (struct ike_proposal){
		.cipher = w[KIND_CIPHER]->value,
		.key_bits = w[KIND_CIPHER]->key_bits,
		.hash = w[KIND_HASH]->value,
		.group = w[KIND_GROUP]->value,
	};
	return 0;
}

int esp_proposal_parse(const char *text, bool legacy, struct esp_proposal *out, char *why)
{
	static const char example[] = "aes256gcm16 or aes256-sha256-modp2048";
	const struct word *w[N_KINDS];
	bool aead;

	if (split(text, legacy, true, w, example, why))
		return -1;
	if (!w[KIND_CIPHER]) {
		snprintf(why, WHY_MAX, "an ESP suite names a cipher: %s", example);
		return -1;
	}
	aead = cipher_is_aead(w[KIND_CIPHER]->value);
	if (aead && w[KIND_HASH]) {
		snprintf(why, WHY_MAX, "%s authenticates by itself: leave out %s",
			 w[KIND_CIPHER]->text, w[KIND_HASH]->text);
		return -1;
	}
	if (!aead && !w[KIND_HASH]) {
		snprintf(why, WHY_MAX, "%s needs a hash beside it: %s-sha256",
			 w[KIND_CIPHER]->text, w[KIND_CIPHER]->text);
		return -1;
	}
	*out = (struct esp_proposal){
		.cipher = w[KIND_CIPHER]->value,
		.key_bits = w[KIND_CIPHER]->key_bits,
		.integ = aead ? HASH_NONE : w[KIND_HASH]->value,
		.group = w[KIND_GROUP] ? w[KIND_GROUP]->value : GROUP_NONE,
		.esn = w[KIND_ESN] && w[KIND_ESN]->value,
	};
	return 0;
}

bool cipher_is_aead(enum ike_cipher cipher)
{
	return cipher >= CIPHER_AES_GCM_16;
}

static const char *word_text(enum kind kind, int value, uint16_t key_bits)
{
	for (size_t i = 0; i < N_WORDS; i++)
		if (words[i].kind == kind && words[i].value == value &&
		    words[i].key_bits == key_bits)
			return words[i].text;
	return "?";
}

const char *ike_group_text(enum ike_group group)
{
	return word_text(KIND_GROUP, group, 0);
}

void ike_proposal_text(const struct ike_proposal *p, char *out)
{
	bool psk = p->auth == AUTH_PSK;

	snprintf(out, PROPOSAL_TEXT, "%s-%s-%s%s%s",
		 word_text(KIND_CIPHER, p->cipher, p->key_bits),
		 word_text(KIND_HASH, p->hash, 0), word_text(KIND_GROUP, p->group, 0),
		 psk ? "" : " with ", psk ? "" : ike_auth_text(p->auth));
}

void esp_proposal_text(const struct esp_proposal *p, char *out)
{
	bool integ = p->integ != HASH_NONE;
	bool pfs = p->group != GROUP_NONE;

	snprintf(out, PROPOSAL_TEXT, "%s%s%s%s%s%s",
		 word_text(KIND_CIPHER, p->cipher, p->key_bits), integ ? "-" : "",
		 integ ? word_text(KIND_HASH, p->integ, 0) : "", pfs ? "-" : "",
		 pfs ? word_text(KIND_GROUP, p->group, 0) : "", p->esn ? "-esn" : "");
}
