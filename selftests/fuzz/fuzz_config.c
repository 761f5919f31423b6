// SPDX-License-Identifier: MIT
/* Any text as a configuration file: a configuration, or at least one line of error. */
#include <stdlib.h>
#include <string.h>

#include "config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define CHECK(x)                 \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	FILE *in, *errors;
	char *text = NULL;
	size_t text_len = 0;
	struct config *config;

	if (!len)
		return 0;
	in = fmemopen((void *)data, len, "r");
	errors = open_memstream(&text, &text_len);
	CHECK(in && errors);
	config = config_parse("fuzz.conf", in, errors);
	fclose(errors);
	fclose(in);
	CHECK(!config == !!text_len);
	if (!config) {
		CHECK(text[text_len - 1] == '\n');
		CHECK(!strncmp(text, "fuzz.conf", 9));
	}
	for (size_t i = 0; config && i < config->n_peers; i++) {
		const struct ike_peer *p = &config->peer[i].ike;

		CHECK(p->name && *p->name && p->n_ike && p->n_esp && p->n_child);
		CHECK(p->remote.family == 4 || p->remote.family == 6);
		CHECK(config->peer[i].by != BY_PSK || config->peer[i].psk.path);
		CHECK(config->peer[i].interface);
	}
	if (config)
		config_free(config);
	free(text);
	return 0;
}
