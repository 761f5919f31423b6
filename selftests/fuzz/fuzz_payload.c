// SPDX-License-Identifier: MIT
/* Any octets as the payloads of a message, and each payload as what it says it is. */
#include <stdlib.h>
#include <string.h>

#include "payload.h"
#include "proposal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define CHECK(x)                 \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

static const struct ike_proposal ike[] = {
	{ CIPHER_AES_CBC, 256, HASH_SHA256, GROUP_MODP2048, AUTH_PSK },
	{ CIPHER_AES_CBC, 128, HASH_SHA1, GROUP_ECP256, AUTH_PSK },
	{ CIPHER_3DES, 192, HASH_SHA1, GROUP_MODP1024, AUTH_PSK },
};
static const struct esp_proposal esp[] = {
	{ CIPHER_AES_GCM_16, 256, HASH_NONE, GROUP_MODP2048, true },
	{ CIPHER_AES_GCM_16, 128, HASH_NONE, GROUP_NONE, false },
	{ CIPHER_AES_CBC, 128, HASH_SHA1, GROUP_NONE, false },
};

/* A selection's answer is an offer with one transform, from which the same is chosen. */
static void check_ike_sa(struct chunk sa)
{
	struct ike_choice choice, again;
	char why[PROPOSAL_TEXT * 2], text[100];

	ike_sa_text(sa, text, sizeof(text));
	CHECK(memchr(text, 0, sizeof(text)));
	if (ike_sa_select(sa, ike, 3, false, &choice, why) != SELECT_OK)
		return;
	CHECK(ike_sa_select(buf_chunk(&choice.reply), ike, 3, true, &again, why) ==
	      SELECT_OK);
	CHECK(!memcmp(&choice.suite, &again.suite, sizeof(choice.suite)));
	CHECK(choice.seconds == again.seconds);
	buf_wipe(&again.reply);
	buf_wipe(&choice.reply);
}

static void check_esp_sa(struct chunk sa, bool udp)
{
	struct esp_choice choice, again;
	char why[PROPOSAL_TEXT * 2], text[100];

	esp_sa_text(sa, text, sizeof(text));
	CHECK(memchr(text, 0, sizeof(text)));
	if (esp_sa_select(sa, esp, 3, udp, false, &choice, why) != SELECT_OK)
		return;
	CHECK(choice.reply_spi + 4 <= choice.reply.len);
	CHECK(esp_sa_select(buf_chunk(&choice.reply), esp, 3, udp, true, &again, why) ==
	      SELECT_OK);
	CHECK(!memcmp(again.spi, "\0\0\0\0", 4));
	buf_wipe(&again.reply);
	buf_wipe(&choice.reply);
}

static void check_payload(const struct payload *p)
{
	struct notify_body notify;
	struct delete_body del;
	struct id_body id;
	char why[PAYLOAD_WHY];

	switch (p->type) {
	case PL_SA:
		check_ike_sa(CHUNK(p->body, p->len));
		check_esp_sa(CHUNK(p->body, p->len), false);
		check_esp_sa(CHUNK(p->body, p->len), true);
		break;
	case PL_ID:
		if (!id_parse(&id, p, why))
			CHECK(id.data.p + id.data.len == p->body + p->len);
		break;
	case PL_NOTIFY:
		if (!notify_parse(&notify, p, why))
			CHECK(notify.data.p + notify.data.len == p->body + p->len);
		break;
	case PL_DELETE:
		if (!delete_parse(&del, p, why))
			CHECK(del.spis + (size_t)del.count * del.spi_size ==
			      p->body + p->len);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct payloads ps;
	char why[PAYLOAD_WHY];
	uint8_t *copy;
	uint8_t first;

	if (!len--)
		return 0;
	first = *data++;
	/* A copy of the exact size, so that the sanitizer sees an octet too far. */
	copy = malloc(len ? len : 1);
	memcpy(copy, data, len);
	if (!payloads_parse(&ps, first, copy, len, why)) {
		CHECK(ps.used <= len && ps.n <= PAYLOAD_MAX);
		for (size_t i = 0; i < ps.n; i++) {
			const struct payload *p = &ps.p[i];

			CHECK(p->body >= copy + 4 && p->body + p->len <= copy + ps.used);
			check_payload(p);
		}
	}
	free(copy);
	return 0;
}
