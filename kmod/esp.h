/* SPDX-License-Identifier: GPL-2.0-only */
/* RFC 4303 bytes: build, pad, parse, trailer (also compiles in userspace) */
#ifndef ET_ESP_H
#define ET_ESP_H

#include "pure.h"

/*
 *  0       4       8              8+iv_len
 *  | SPI   | seq   | IV           | inner packet | padding | len | next | ICV |
 *                                 |<---- ciphertext, a multiple of align -->|
 */
#define ET_ESP_HDR_LEN	   8 /* SPI and the low half of the sequence number */
#define ET_ESP_TRAILER_LEN 2 /* pad length and next header */
#define ET_ESP_IV_MAX	   16
#define ET_ESP_SALT_LEN	   4 /* of counter modes' IVs; in CCM's, one octet of it is fixed */
#define ET_ESP_AAD_MAX	   (12 + ET_ESP_IV_MAX)

/* What an algorithm adds to a packet; lengths in octets. */
struct et_esp_geom {
	u8 iv_len; /* the IV that the packet carries */
	u8 align;  /* the ciphertext is a multiple of this: the block, at least 4 */
	u8 icv_len;
};

/* The result of et_esp_parse_trailer(). */
struct et_esp_trailer {
	u32 payload_len; /* of the inner packet, TFC padding included */
	u8 pad_len;
	u8 next_header;
};

/* Length of the ciphertext of an inner packet of @inner_len octets. */
static inline u32 et_esp_cipher_len(const struct et_esp_geom *g, u32 inner_len)
{
	return ALIGN(inner_len + ET_ESP_TRAILER_LEN, (u32)g->align);
}

/* Length of the whole ESP packet, SPI to ICV, for that inner packet. */
static inline u32 et_esp_packet_len(const struct et_esp_geom *g, u32 inner_len)
{
	return ET_ESP_HDR_LEN + g->iv_len + et_esp_cipher_len(g, inner_len) + g->icv_len;
}

u32 et_esp_inner_max(const struct et_esp_geom *g, u32 room);
bool et_esp_len_ok(const struct et_esp_geom *g, u32 len);
void et_esp_put_trailer(u8 *p, u8 pad_len, u8 next_header);
int et_esp_parse_trailer(const u8 *plain, u32 len, struct et_esp_trailer *t);
u32 et_esp_put_aad(u8 *aad, __be32 spi, u64 seq, bool esn);
void et_esp_put_nonce(u8 *iv, const u8 *salt, const u8 *wire_iv, u64 seq);

#endif
