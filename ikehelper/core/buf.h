/* SPDX-License-Identifier: MIT */
/*
 * Bounds-checked reading and writing of octets; every buffer wipes what it held.
 *
 * Errors stick: after a read past the end, or a write without memory, bad is set, reads
 * give zeros and writes do nothing. So a parser reads a whole structure and asks once.
 */
#ifndef ESPTUN_BUF_H
#define ESPTUN_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A view of octets that somebody else owns. */
struct chunk {
	const uint8_t *p;
	size_t len;
};

#define CHUNK(ptr, length) ((struct chunk){ .p = (ptr), .len = (length) })

struct reader {
	const uint8_t *p;
	size_t left;
	bool bad;
};

struct reader reader_of(const uint8_t *p, size_t len);
uint8_t read_u8(struct reader *r);
uint16_t read_u16(struct reader *r); /* network order, as are the others */
uint32_t read_u32(struct reader *r);
/* The next len octets; NULL when there are fewer. */
const uint8_t *read_octets(struct reader *r, size_t len);

/* A growing buffer. Zero-initialised it is empty; buf_wipe() leaves it empty again. */
struct buf {
	uint8_t *data;
	size_t len, cap;
	bool bad;
};

/* No message, key or secret of IKE is longer; a write beyond it sets bad. */
#define BUF_MAX 65536

void put_u8(struct buf *b, uint8_t v);
void put_u16(struct buf *b, uint16_t v);
void put_u32(struct buf *b, uint32_t v);
void put_octets(struct buf *b, const void *p, size_t len);
/* Appends len zero octets and returns their offset. */
size_t put_zeros(struct buf *b, size_t len);
/* Overwrites the two or four octets at offset at, which have been written before. */
void patch_u16(struct buf *b, size_t at, uint16_t v);
void patch_u32(struct buf *b, size_t at, uint32_t v);
/* Makes the buffer hold exactly these octets. Returns 0, or -1 without memory. */
int buf_set(struct buf *b, const void *p, size_t len);
struct chunk buf_chunk(const struct buf *b);
/* Wipes with OPENSSL_cleanse() and frees. */
void buf_wipe(struct buf *b);

#endif
