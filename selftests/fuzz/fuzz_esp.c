// SPDX-License-Identifier: MIT
/* Any decrypted payload into the trailer parser, against one written the slow way. */
#include <stdlib.h>
#include <string.h>

#include "esp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Builds the padding that would be right and compares, instead of walking along. */
static bool naive_parse(const uint8_t *plain, size_t len, struct et_esp_trailer *t)
{
	uint8_t want[257];

	if (len < 2 || plain[len - 2] + 2U > len)
		return false;
	t->pad_len = plain[len - 2];
	t->next_header = plain[len - 1];
	t->payload_len = len - t->pad_len - 2;
	for (int i = 0; i < 255; i++)
		want[i] = i + 1;
	want[t->pad_len] = t->pad_len;
	want[t->pad_len + 1] = t->next_header;
	return memcmp(plain + t->payload_len, want, t->pad_len + 2U) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct et_esp_trailer t, want;
	/* A buffer of just this size, so that an octet read beyond it is seen. */
	uint8_t *plain = malloc(size ? size : 1);
	bool ok;

	if (!plain)
		abort();
	memcpy(plain, data, size);
	ok = naive_parse(plain, size, &want);
	if ((et_esp_parse_trailer(plain, size, &t) == 0) != ok)
		abort();
	if (ok && (t.payload_len != want.payload_len || t.pad_len != want.pad_len ||
		   t.next_header != want.next_header))
		abort();
	if (ok) {
		memset(plain + t.payload_len, 0, size - t.payload_len);
		et_esp_put_trailer(plain + t.payload_len, t.pad_len, t.next_header);
		if (memcmp(plain, data, size))
			abort();
	}
	free(plain);
	return 0;
}
