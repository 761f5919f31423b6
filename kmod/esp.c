// SPDX-License-Identifier: GPL-2.0-only
/*
 * RFC 4303 bytes: build, pad, parse, trailer (also compiles in userspace)
 *
 * Arithmetic and plain memory only: no skb, no lock, no allocation, any context.
 */
#include "esp.h"

/**
 * et_esp_inner_max - the largest inner packet that fits
 * @g: what the algorithm adds
 * @room: octets that the ESP packet may have, SPI to ICV
 *
 * Return: its length in octets, 0 when not even an empty one fits.
 */
u32 et_esp_inner_max(const struct et_esp_geom *g, u32 room)
{
	u32 fixed = ET_ESP_HDR_LEN + g->iv_len + g->icv_len;

	if (room < fixed + g->align)
		return 0;
	return ALIGN_DOWN(room - fixed, (u32)g->align) - ET_ESP_TRAILER_LEN;
}

/**
 * et_esp_len_ok - can a packet of this length be ours at all?
 * @g: what the algorithm adds
 * @len: octets from the SPI to the ICV's end
 *
 * The cheap check before decryption: room for a header, one block and the
 * ICV, and a whole number of blocks.
 */
bool et_esp_len_ok(const struct et_esp_geom *g, u32 len)
{
	u32 fixed = ET_ESP_HDR_LEN + g->iv_len + g->icv_len;

	return len >= fixed + g->align && (len - fixed) % g->align == 0;
}

/**
 * et_esp_put_trailer - write padding, pad length and next header
 * @p: where the padding starts; pad_len + 2 octets are written
 * @pad_len: octets of padding
 * @next_header: protocol of the payload, 4 for IPv4
 *
 * The padding is 1, 2, 3, ... (RFC 4303 section 2.4).
 */
void et_esp_put_trailer(u8 *p, u8 pad_len, u8 next_header)
{
	u8 i;

	for (i = 0; i < pad_len; i++)
		p[i] = i + 1;
	p[pad_len] = pad_len;
	p[pad_len + 1] = next_header;
}

/**
 * et_esp_parse_trailer - read and check what et_esp_put_trailer() writes
 * @plain: the decrypted payload, from the inner packet to the next header
 * @len: its octets
 * @t: filled in on success
 *
 * Return: 0, or -EBADMSG when the pad length runs over the payload's start or
 * the padding is not 1, 2, 3, ...
 */
int et_esp_parse_trailer(const u8 *plain, u32 len, struct et_esp_trailer *t)
{
	const u8 *pad;
	u8 pad_len, i;

	if (len < ET_ESP_TRAILER_LEN)
		return -EBADMSG;
	pad_len = plain[len - 2];
	if (len < (u32)pad_len + ET_ESP_TRAILER_LEN)
		return -EBADMSG;

	t->payload_len = len - ET_ESP_TRAILER_LEN - pad_len;
	t->pad_len = pad_len;
	t->next_header = plain[len - 1];

	pad = plain + t->payload_len;
	for (i = 0; i < pad_len; i++)
		if (pad[i] != i + 1)
			return -EBADMSG;
	return 0;
}

/**
 * et_esp_put_aad - write the authenticated data that precedes the IV
 * @aad: 12 octets of room
 * @spi: as on the wire
 * @seq: the sequence number, all 64 bits of it with ESN
 * @esn: include the high half
 *
 * SPI | low, or with ESN SPI | high | low: RFC 4106 section 5, and the order
 * in which the kernel's authencesn template takes it before it moves the high
 * half to the end (RFC 4303 section 2.2.1).
 *
 * Return: octets written, 8 or 12.
 */
u32 et_esp_put_aad(u8 *aad, __be32 spi, u64 seq, bool esn)
{
	memcpy(aad, &spi, sizeof(spi));
	if (!esn) {
		put_unaligned_be32(seq, aad + 4);
		return 8;
	}
	put_unaligned_be64(seq, aad + 4);
	return 12;
}

/**
 * et_esp_put_nonce - write the IV of a counter mode
 * @iv: 12 octets of room
 * @salt: 4 octets: the key's salt (RFC 4106 section 4), and before it what the
 *	mode wants
 * @wire_iv: the 8 octets that the packet carries, NULL when the IV is implicit
 * @seq: the sequence number, all 64 bits of it with ESN, which an implicit IV is
 *	(RFC 8750 section 4)
 */
void et_esp_put_nonce(u8 *iv, const u8 *salt, const u8 *wire_iv, u64 seq)
{
	memcpy(iv, salt, ET_ESP_SALT_LEN);
	if (wire_iv)
		memcpy(iv + ET_ESP_SALT_LEN, wire_iv, 8);
	else
		put_unaligned_be64(seq, iv + ET_ESP_SALT_LEN);
}
