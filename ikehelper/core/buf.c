// SPDX-License-Identifier: MIT
/* Bounds-checked reader and writer, buffers that wipe. */
#include "buf.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

struct reader reader_of(const uint8_t *p, size_t len)
{
	return (struct reader){ .p = p, .left = len };
}

const uint8_t *read_octets(struct reader *r, size_t len)
{
	const uint8_t *p = r->p;

	if (r->bad || len > r->left) {
		r->bad = true;
		return NULL;
	}
	r->p += len;
	r->left -= len;
	return p;
}

static uint32_t read_number(struct reader *r, size_t len)
{
	const uint8_t *p = read_octets(r, len);
	uint32_t v = 0;

	for (size_t i = 0; p && i < len; i++)
		v = v << 8 | p[i];
	return v;
}

uint8_t read_u8(struct reader *r)
{
	return read_number(r, 1);
}

uint16_t read_u16(struct reader *r)
{
	return read_number(r, 2);
}

uint32_t read_u32(struct reader *r)
{
	return read_number(r, 4);
}

/* Room for len more octets. The old ones are wiped where they were. */
static bool reserve(struct buf *b, size_t len)
{
	size_t cap = b->cap ? b->cap : 256;
	uint8_t *data;

	if (b->bad || len > BUF_MAX - b->len) {
		b->bad = true;
		return false;
	}
	if (b->data && b->len + len <= b->cap)
		return true;
	while (cap < b->len + len)
		cap *= 2;
	data = malloc(cap);
	if (!data) {
		b->bad = true;
		return false;
	}
	if (b->len)
		memcpy(data, b->data, b->len);
	if (b->data)
		OPENSSL_cleanse(b->data, b->cap);
	free(b->data);
	b->data = data;
	b->cap = cap;
	return true;
}

void put_octets(struct buf *b, const void *p, size_t len)
{
	if (!reserve(b, len) || !len)
		return;
	memcpy(b->data + b->len, p, len);
	b->len += len;
}

size_t put_zeros(struct buf *b, size_t len)
{
	size_t at = b->len;

	if (reserve(b, len)) {
		memset(b->data + at, 0, len);
		b->len += len;
	}
	return at;
}

void put_u8(struct buf *b, uint8_t v)
{
	put_octets(b, &v, 1);
}

void put_u16(struct buf *b, uint16_t v)
{
	put_octets(b, (uint8_t[]){ v >> 8, v }, 2);
}

void put_u32(struct buf *b, uint32_t v)
{
	put_octets(b, (uint8_t[]){ v >> 24, v >> 16, v >> 8, v }, 4);
}

static void patch(struct buf *b, size_t at, const uint8_t *p, size_t len)
{
	if (!b->bad && at <= b->len && len <= b->len - at)
		memcpy(b->data + at, p, len);
}

void patch_u16(struct buf *b, size_t at, uint16_t v)
{
	patch(b, at, (uint8_t[]){ v >> 8, v }, 2);
}

void patch_u32(struct buf *b, size_t at, uint32_t v)
{
	patch(b, at, (uint8_t[]){ v >> 24, v >> 16, v >> 8, v }, 4);
}

int buf_set(struct buf *b, const void *p, size_t len)
{
	buf_wipe(b);
	put_octets(b, p, len);
	return b->bad ? -1 : 0;
}

struct chunk buf_chunk(const struct buf *b)
{
	return CHUNK(b->data, b->len);
}

void buf_wipe(struct buf *b)
{
	if (b->data)
		OPENSSL_cleanse(b->data, b->cap);
	free(b->data);
	*b = (struct buf){ 0 };
}
