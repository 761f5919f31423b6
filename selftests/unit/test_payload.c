// SPDX-License-Identifier: MIT
/* The ISAKMP header and every payload: whole, cut, doubled, lying, for each message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dirent.h>

#include "payload.h"
#include "proposal.h"
#include "table.h"
#include "vectors.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* Every type that has a descriptor: its bit, a body that is long enough, how many may be. */
static const struct kind {
	uint8_t type;
	uint32_t bit;
	size_t min;
	unsigned int most;
} kinds[] = {
	{ PL_SA, P_SA, 8, 1 },
	{ PL_KE, P_KE, 1, 1 },
	{ PL_ID, P_ID, 4, 2 },
	{ PL_CERT, P_CERT, 1, 8 },
	{ PL_CERTREQ, P_CERTREQ, 1, 8 },
	{ PL_HASH, P_HASH, 1, 1 },
	{ PL_SIG, P_SIG, 1, 1 },
	{ PL_NONCE, P_NONCE, 8, 1 },
	{ PL_NOTIFY, P_NOTIFY, 8, 8 },
	{ PL_DELETE, P_DELETE, 8, 8 },
	{ PL_VENDOR, P_VENDOR, 0, 20 },
	{ PL_NATD, P_NATD, 1, 8 },
	{ PL_NATOA, P_NATOA, 8, 2 },
	{ PL_NATD_DRAFT, P_NATD, 1, 8 },
	{ PL_NATOA_DRAFT, P_NATOA, 8, 2 },
};

/* A chain of payloads; first is the type of the first one. */
struct chain {
	struct buf b;
	size_t next;
};

static void chain_start(struct chain *c)
{
	*c = (struct chain){ 0 };
	put_u8(&c->b, PL_NONE);
}

static void add(struct chain *c, uint8_t type, size_t len)
{
	static const uint8_t zeros[512];

	payload_put(&c->b, &c->next, type, zeros, len);
}

/* Parses a heap copy of the exact size: an octet too far is seen by the sanitizer. */
static int parse(const uint8_t *data, size_t len, uint8_t first, struct payloads *ps,
		 char *why)
{
	uint8_t *copy = malloc(len ? len : 1);
	int err;

	memcpy(copy, data, len);
	why[0] = '\0';
	err = payloads_parse(ps, first, copy, len, why);
	assert_int_equal(err, *why ? -1 : 0);
	assert_true(strlen(why) < PAYLOAD_WHY);
	free(copy);
	return err;
}

static int chain_parse(struct chain *c, struct payloads *ps, char *why)
{
	assert_false(c->b.bad);
	return parse(c->b.data + 1, c->b.len - 1, c->b.data[0], ps, why);
}

static void header_round_trip(void **state)
{
	const struct ike_header in = { .cookie_i = "initiat",
				       .cookie_r = "respond",
				       .next = PL_SA,
				       .version = IKE_V1,
				       .exchange = XCHG_QUICK,
				       .flags = FLAG_ENCRYPTED,
				       .message_id = 0x01020304,
				       .length = IKE_HEADER_LEN };
	struct ike_header out;
	struct buf b = { 0 };
	char why[PAYLOAD_WHY];

	(void)state;
	header_write(&b, &in);
	assert_int_equal(b.len, IKE_HEADER_LEN);
	assert_int_equal(header_read(&out, b.data, b.len, why), 0);
	assert_memory_equal(out.cookie_i, in.cookie_i, 8);
	assert_memory_equal(out.cookie_r, in.cookie_r, 8);
	assert_int_equal(out.next, in.next);
	assert_int_equal(out.version, in.version);
	assert_int_equal(out.exchange, in.exchange);
	assert_int_equal(out.flags, in.flags);
	assert_int_equal(out.message_id, in.message_id);
	for (uint32_t said = 0; said < 4 * IKE_HEADER_LEN; said++) {
		patch_u32(&b, 24, said);
		assert_int_equal(header_read(&out, b.data, b.len, why),
				 said == IKE_HEADER_LEN ? 0 : -1);
	}
	patch_u32(&b, 24, UINT32_MAX);
	assert_int_equal(header_read(&out, b.data, b.len, why), -1);
	for (size_t len = 0; len < IKE_HEADER_LEN; len++) {
		patch_u32(&b, 24, len);
		assert_int_equal(header_read(&out, b.data, len, why), -1);
	}
	buf_wipe(&b);
}

/* Each payload between two others: found, of its length, and refused one octet shorter. */
static void every_payload(void **state)
{
	struct payloads ps;
	char why[PAYLOAD_WHY];

	(void)state;
	for (size_t i = 0; i < COUNT(kinds); i++) {
		const struct kind *k = &kinds[i];
		struct chain c;

		chain_start(&c);
		add(&c, PL_VENDOR, 5);
		add(&c, k->type, k->min + 3);
		add(&c, PL_VENDOR, 0);
		assert_int_equal(chain_parse(&c, &ps, why), 0);
		assert_int_equal(ps.n, 3);
		assert_int_equal(ps.seen, k->bit | P_VENDOR);
		assert_int_equal(ps.used, c.b.len - 1);
		assert_int_equal(payload_get(&ps, k->type, k->type == PL_VENDOR)->len,
				 k->min + 3);
		assert_null(payload_get(&ps, k->type, k->type == PL_VENDOR ? 3 : 1));
		buf_wipe(&c.b);
		chain_start(&c);
		add(&c, k->type, k->min);
		assert_int_equal(chain_parse(&c, &ps, why), 0);
		buf_wipe(&c.b);
		if (!k->min)
			continue;
		chain_start(&c);
		add(&c, k->type, k->min - 1);
		assert_int_equal(chain_parse(&c, &ps, why), -1);
		assert_non_null(strstr(why, payload_name(k->type)));
		buf_wipe(&c.b);
	}
}

/* A message with one of each, cut anywhere: always refused, and nothing read beyond. */
static void cut_anywhere(void **state)
{
	struct payloads ps;
	struct chain c;
	char why[PAYLOAD_WHY];

	(void)state;
	chain_start(&c);
	for (size_t i = 0; i < COUNT(kinds); i++)
		add(&c, kinds[i].type, kinds[i].min + i);
	assert_int_equal(chain_parse(&c, &ps, why), 0);
	assert_int_equal(ps.n, COUNT(kinds));
	for (size_t len = 0; len + 1 < c.b.len; len++)
		assert_int_equal(parse(c.b.data + 1, len, c.b.data[0], &ps, why), -1);
	buf_wipe(&c.b);
}

/* Every value of a payload's length: only the true one and shorter ones that still fit. */
static void lying_length(void **state)
{
	struct payloads ps;
	struct chain c;
	char why[PAYLOAD_WHY];

	(void)state;
	chain_start(&c);
	add(&c, PL_NONCE, 32);
	for (int said = 0; said <= UINT16_MAX; said++) {
		bool fits = said >= 4 + 8 && said <= 36;

		patch_u16(&c.b, 1 + 2, said);
		assert_int_equal(chain_parse(&c, &ps, why), fits ? 0 : -1);
		if (fits)
			assert_int_equal(ps.used, said);
	}
	buf_wipe(&c.b);
}

/* What follows the last payload is padding of any content (pitfall 1.22). */
static void padding_is_left_alone(void **state)
{
	struct payloads ps;
	struct chain c;
	char why[PAYLOAD_WHY];

	(void)state;
	chain_start(&c);
	add(&c, PL_HASH, 20);
	put_octets(&c.b, "\xff\xff\xff\xff\xff\xff\xff", 7);
	assert_int_equal(chain_parse(&c, &ps, why), 0);
	assert_int_equal(ps.used, 24);
	assert_int_equal(parse(c.b.data + 1, 3, PL_NONE, &ps, why), 0);
	assert_int_equal(ps.n, 0);
	assert_int_equal(ps.used, 0);
	buf_wipe(&c.b);
}

static void too_many(void **state)
{
	struct payloads ps;
	char why[PAYLOAD_WHY];
	struct chain c;

	(void)state;
	for (size_t i = 0; i < COUNT(kinds); i++)
		for (unsigned int extra = 0; extra < 2; extra++) {
			chain_start(&c);
			for (unsigned int n = 0; n < kinds[i].most + extra; n++)
				add(&c, kinds[i].type, kinds[i].min);
			assert_int_equal(chain_parse(&c, &ps, why), extra ? -1 : 0);
			buf_wipe(&c.b);
		}
	chain_start(&c);
	for (size_t i = 0; i < COUNT(kinds); i++)
		for (unsigned int n = 0; n < kinds[i].most; n++)
			add(&c, kinds[i].type, kinds[i].min);
	assert_int_equal(chain_parse(&c, &ps, why), -1);
	assert_in_range(ps.n, 1, PAYLOAD_MAX);
	buf_wipe(&c.b);
}

/* Types from 128 on are somebody's own and skipped; others that we don't know are not. */
static void unknown_types(void **state)
{
	struct payloads ps;
	char why[PAYLOAD_WHY];

	(void)state;
	for (int type = 1; type < 256; type++) {
		bool known = false;
		struct chain c;

		for (size_t i = 0; i < COUNT(kinds); i++)
			known |= kinds[i].type == type;
		if (known)
			continue;
		chain_start(&c);
		add(&c, PL_NONCE, 16);
		add(&c, type, 12);
		add(&c, PL_VENDOR, 16);
		assert_int_equal(chain_parse(&c, &ps, why), type < PL_PRIVATE ? -1 : 0);
		if (type >= PL_PRIVATE) {
			assert_int_equal(ps.n, 2);
			assert_int_equal(ps.seen, P_NONCE | P_VENDOR);
		}
		assert_string_equal(payload_name(type), "unknown");
		buf_wipe(&c.b);
	}
}

/* A datagram full of empty payloads of a private type ends, and keeps none of them. */
static void sixteen_thousand_payloads(void **state)
{
	struct payloads ps;
	char why[PAYLOAD_WHY];
	struct chain c;

	(void)state;
	chain_start(&c);
	for (int i = 0; i < 16000; i++)
		add(&c, 200, 0);
	assert_int_equal(chain_parse(&c, &ps, why), 0);
	assert_int_equal(ps.n, 0);
	buf_wipe(&c.b);
}

static void one_of_each(struct chain *c, uint32_t set, uint32_t twice)
{
	uint32_t done = 0;

	chain_start(c);
	for (size_t i = 0; i < COUNT(kinds); i++) {
		if (!(kinds[i].bit & set & ~done))
			continue;
		done |= kinds[i].bit;
		add(c, kinds[i].type, kinds[i].min);
		if (kinds[i].bit & twice)
			add(c, kinds[i].type, kinds[i].min);
	}
}

/* What the core does with the payloads of a message of that row, before it is believed. */
static int row_accepts(const struct row *row, uint32_t set, uint32_t twice, char *why)
{
	struct payloads ps;
	struct chain c;
	int err;

	one_of_each(&c, set, twice);
	err = chain_parse(&c, &ps, why);
	if (!err)
		err = payloads_check(&ps, row->must, row->may, why);
	buf_wipe(&c.b);
	return err;
}

/* For every message: what it needs missing, doubled, and what it does not allow. */
static void every_row(void **state)
{
	char why[PAYLOAD_WHY];

	(void)state;
	for (size_t r = 0; r < table_rows; r++) {
		const struct row *row = &table[r];

		print_message("# %s\n", row->name);
		assert_int_equal(row_accepts(row, row->must, 0, why), 0);
		assert_int_equal(row_accepts(row, row->must | row->may, 0, why), 0);
		for (size_t i = 0; i < COUNT(kinds); i++) {
			const struct kind *k = &kinds[i];

			if (row->must & k->bit) {
				assert_int_equal(
					row_accepts(row, row->must & ~k->bit, 0, why),
					-1);
				assert_non_null(strstr(why, payload_name(k->type)));
			} else if (!(row->may & k->bit)) {
				assert_int_equal(
					row_accepts(row, row->must | k->bit, 0, why), -1);
				assert_non_null(strstr(why, payload_name(k->type)));
			}
			if ((row->must | row->may) & k->bit && k->most == 1)
				assert_int_equal(
					row_accepts(row, row->must | k->bit, k->bit, why),
					-1);
		}
	}
}

/* How many SPIs of which size fit into so many octets: nothing else is a delete. */
static void delete_arithmetic(void **state)
{
	static const struct {
		const char *body;
		bool ok;
	} deletes[] = {
		{ "0000000103040001c0000001", true },
		{ "0000000103040002c0000001c0000002", true },
		{ "0000000101100001000102030405060708090a0b0c0d0e0f", true },
		{ "0000000103040002c0000001", false },
		{ "0000000103040001c0000001c0000002", false },
		{ "0000000103040001c00000", false },
		{ "000000010304ffff", false },
		{ "0000000103ffffff", false },
		{ "000000010300ffff", false },
		{ "0000000103000001", false },
		{ "0000000103040000", true },
		{ "00000001030400", false },
	};
	struct delete_body d;
	char why[PAYLOAD_WHY];

	(void)state;
	for (size_t i = 0; i < COUNT(deletes); i++) {
		struct payload p = { .type = PL_DELETE };
		struct octets o;
		uint8_t *copy;

		assert_true(vec_hex(deletes[i].body, &o));
		copy = malloc(o.len);
		memcpy(copy, o.data, o.len);
		p.body = copy;
		p.len = o.len;
		assert_int_equal(delete_parse(&d, &p, why), deletes[i].ok ? 0 : -1);
		if (deletes[i].ok)
			assert_ptr_equal(d.spis + (size_t)d.count * d.spi_size,
					 copy + o.len);
		free(copy);
	}
}

static void notify_spi(void **state)
{
	static const uint8_t body[] = { 0, 0, 0, 1, 3, 4, 0x60, 2, 0xc0, 1, 2, 3, 9, 9 };
	struct payload p = { .type = PL_NOTIFY, .body = body, .len = sizeof(body) };
	struct notify_body n;
	char why[PAYLOAD_WHY];

	(void)state;
	assert_int_equal(notify_parse(&n, &p, why), 0);
	assert_int_equal(n.doi, 1);
	assert_int_equal(n.proto, PROTO_ESP);
	assert_int_equal(n.type, N_INITIAL_CONTACT);
	assert_int_equal(n.spi.len, 4);
	assert_memory_equal(n.spi.p, body + 8, 4);
	assert_int_equal(n.data.len, 2);
	for (p.len = 8; p.len < 12; p.len++)
		assert_int_equal(notify_parse(&n, &p, why), -1);
	p.len = 12;
	assert_int_equal(notify_parse(&n, &p, why), 0);
	assert_int_equal(n.data.len, 0);
	assert_string_equal(notify_name(N_NO_PROPOSAL_CHOSEN), "NO-PROPOSAL-CHOSEN");
	assert_null(notify_name(12345));
}

static void id_lengths(void **state)
{
	static const uint8_t body[1200] = { ID_IPV4_ADDR, 17, 1, 0xf4, 192, 0, 2, 1 };
	struct payload p = { .type = PL_ID, .body = body };
	struct id_body id;
	char why[PAYLOAD_WHY];

	(void)state;
	for (p.len = 0; p.len < sizeof(body); p.len++) {
		bool ok = p.len >= 4 && p.len - 4 <= 1024;

		assert_int_equal(id_parse(&id, &p, why), ok ? 0 : -1);
		if (!ok)
			continue;
		assert_int_equal(id.port, 500);
		assert_int_equal(id.data.len, p.len - 4);
	}
}

/* The first error sticks; what has been read is zeros, what is written after it nothing. */
static void buffers_stop_at_their_end(void **state)
{
	const uint8_t data[] = { 1, 2, 3, 4, 5 };
	struct reader r = reader_of(data, sizeof(data));
	static uint8_t big[BUF_MAX];
	struct buf b = { 0 };

	(void)state;
	assert_int_equal(read_u32(&r), 0x01020304);
	assert_int_equal(read_u16(&r), 0);
	assert_true(r.bad);
	assert_int_equal(read_u8(&r), 0);
	assert_null(read_octets(&r, 0));
	put_octets(&b, big, BUF_MAX);
	assert_false(b.bad);
	put_u8(&b, 1);
	assert_true(b.bad);
	assert_int_equal(b.len, BUF_MAX);
	patch_u32(&b, 0, 0xffffffff);
	assert_int_equal(b.data[0], 0);
	buf_wipe(&b);
	assert_false(b.bad);
	put_u16(&b, 0x0102);
	patch_u16(&b, 1, 0xffff);
	patch_u32(&b, SIZE_MAX, 0xffffffff);
	assert_memory_equal(b.data, "\1\2", 2);
	buf_wipe(&b);
}

/* Everything that reads a datagram before it is believed. */
static void read_all(const uint8_t *data, size_t len)
{
	struct ike_header h;
	struct payloads ps;
	char why[PAYLOAD_WHY], text[400];

	if (header_read(&h, data, len, why))
		return;
	if (payloads_parse(&ps, h.next, data + IKE_HEADER_LEN, len - IKE_HEADER_LEN, why))
		return;
	for (size_t i = 0; i < ps.n; i++) {
		const struct payload *p = &ps.p[i];

		if (p->type == PL_SA) {
			ike_sa_text(CHUNK(p->body, p->len), text, sizeof(text));
			esp_sa_text(CHUNK(p->body, p->len), text, sizeof(text));
		} else if (p->type == PL_ID) {
			id_parse(&(struct id_body){ 0 }, p, why);
		} else if (p->type == PL_NOTIFY) {
			notify_parse(&(struct notify_body){ 0 }, p, why);
		} else if (p->type == PL_DELETE) {
			delete_parse(&(struct delete_body){ 0 }, p, why);
		}
	}
}

/* Captured and published crash inputs, each also with a true length and version. */
static void datagrams_of_others(void **state)
{
	char path[512], name[300];
	struct dirent *entry;
	size_t files = 0;
	DIR *dir;

	(void)state;
	vec_large_path(path, sizeof(path), "datagrams");
	dir = opendir(path);
	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		uint8_t *data = calloc(1, 4096);
		size_t len;
		FILE *f;

		snprintf(name, sizeof(name), "datagrams/%s", entry->d_name);
		vec_large_path(path, sizeof(path), name);
		f = entry->d_name[0] == '.' ? NULL : fopen(path, "rb");
		if (f) {
			len = fread(data, 1, 4096, f);
			fclose(f);
			data = realloc(data, len);
			read_all(data, len);
			if (len >= IKE_HEADER_LEN) {
				data[17] = IKE_V1;
				memset(data + 24, 0, 4);
				data[26] = len >> 8;
				data[27] = len;
				read_all(data, len);
			}
			files++;
		}
		free(data);
	}
	closedir(dir);
	assert_true(files >= 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_round_trip),
		cmocka_unit_test(every_payload),
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(lying_length),
		cmocka_unit_test(padding_is_left_alone),
		cmocka_unit_test(too_many),
		cmocka_unit_test(unknown_types),
		cmocka_unit_test(sixteen_thousand_payloads),
		cmocka_unit_test(every_row),
		cmocka_unit_test(delete_arithmetic),
		cmocka_unit_test(notify_spi),
		cmocka_unit_test(id_lengths),
		cmocka_unit_test(buffers_stop_at_their_end),
		cmocka_unit_test(datagrams_of_others),
	};

	return VEC_RUN("payload", tests, 1);
}
