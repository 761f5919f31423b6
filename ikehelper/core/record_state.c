// SPDX-License-Identifier: MIT
/* A peer, its configuration and what it has, as JSON: where a recording begins. */
#include "record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

/* Pairs of subnets, as many as the configuration can make; authorities, control tunnels. */
#define LIST_MAX   4096
#define SUITES_MAX 64
#define N(table)   (sizeof(table) / sizeof((table)[0]))

const struct field path_fields[] = {
	{ "here", FIELD_ADDR, offsetof(struct ike_path, local), 0 },
	{ "there", FIELD_ADDR, offsetof(struct ike_path, remote), 0 },
};

const struct field command_fields[] = {
	FIELD(FIELD_NUMBER, ike_command, type), FIELD(FIELD_NUMBER, ike_command, child),
	FIELD(FIELD_BOOL, ike_command, out),	FIELD(FIELD_BOOL, ike_command, hard),
	FIELD(FIELD_OCTETS, ike_command, spi),	FIELD(FIELD_BOOL, ike_command, control),
	FIELD(FIELD_ADDR, ike_command, moved),	FIELD(FIELD_ADDR, ike_command, local),
};

const struct field adopt_fields[] = {
	FIELD(FIELD_NUMBER, ike_child_status, child),
	FIELD(FIELD_OCTETS, ike_child_status, spi_in),
	FIELD(FIELD_OCTETS, ike_child_status, spi_out),
	FIELD(FIELD_ESP, ike_child_status, suite),
	FIELD(FIELD_SUBNET, ike_child_status, local),
	FIELD(FIELD_SUBNET, ike_child_status, remote),
	FIELD(FIELD_NUMBER, ike_child_status, since),
	FIELD(FIELD_NUMBER, ike_child_status, hard_at),
	FIELD(FIELD_BOOL, ike_child_status, up),
	FIELD(FIELD_BOOL, ike_child_status, encap),
	FIELD(FIELD_BOOL, ike_child_status, follow),
};

const struct field limits_fields[] = {
	FIELD(FIELD_NUMBER, ike, notes.left),
	FIELD(FIELD_NUMBER, ike, notes.at),
	FIELD(FIELD_NUMBER, ike, notifies.left),
	FIELD(FIELD_NUMBER, ike, notifies.at),
};

static const struct field config_fields[] = {
	FIELD(FIELD_ADDR, ike_peer, local),
	FIELD(FIELD_ADDR, ike_peer, remote),
	FIELD(FIELD_NUMBER, ike_peer, ike_seconds),
	FIELD(FIELD_NUMBER, ike_peer, esp_seconds),
	FIELD(FIELD_NUMBER, ike_peer, esp_bytes),
	FIELD(FIELD_NUMBER, ike_peer, esp_packets),
	FIELD(FIELD_BOOL, ike_peer, no_ids),
	FIELD(FIELD_NUMBER, ike_peer, dpd_seconds),
	FIELD(FIELD_NUMBER, ike_peer, dpd_timeout),
	FIELD(FIELD_NUMBER, ike_peer, start),
	FIELD(FIELD_BOOL, ike_peer, encap),
};

static const struct field id_fields[] = {
	FIELD(FIELD_NUMBER, ike_id, type),
};

static const struct field subnet_fields[] = {
	FIELD(FIELD_SUBNET, ike_child_cfg, local),
	FIELD(FIELD_SUBNET, ike_child_cfg, remote),
};

static const struct field peer_fields[] = {
	FIELD(FIELD_BOOL, peer, held),	     FIELD(FIELD_BOOL, peer, renew),
	FIELD(FIELD_BOOL, peer, afresh),     FIELD(FIELD_NUMBER, peer, failures),
	FIELD(FIELD_NUMBER, peer, retry_at), FIELD(FIELD_NUMBER, peer, sent_at),
	FIELD(FIELD_NUMBER, peer, moved_by), FIELD(FIELD_NUMBER, peer, failed_at),
	FIELD(FIELD_ADDR, peer, routed),     FIELD(FIELD_NUMBER, peer, heard_at),
	FIELD(FIELD_NUMBER, peer, asked_at), FIELD(FIELD_NUMBER, peer, dpd_at),
	FIELD(FIELD_BOOL, peer, in_doubt),   FIELD(FIELD_NUMBER, peer, needs),
};

static const struct field child_fields[] = {
	FIELD(FIELD_NUMBER, child, failures),
	FIELD(FIELD_NUMBER, child, retry_at),
	FIELD(FIELD_BOOL, child, wanted),
	FIELD(FIELD_BOOL, child, renew),
};

static const struct field pair_fields[] = {
	FIELD(FIELD_OCTETS, pair, spi_in),    FIELD(FIELD_OCTETS, pair, spi_out),
	FIELD(FIELD_ESP, pair, suite),	      FIELD(FIELD_ADDR, pair, path.local),
	FIELD(FIELD_ADDR, pair, path.remote), FIELD(FIELD_NUMBER, pair, nat.known),
	FIELD(FIELD_BOOL, pair, nat.here),    FIELD(FIELD_BOOL, pair, nat.there),
	FIELD(FIELD_BOOL, pair, encap),	      FIELD(FIELD_SUBNET, pair, local),
	FIELD(FIELD_SUBNET, pair, remote),    FIELD(FIELD_NUMBER, pair, began_at),
	FIELD(FIELD_NUMBER, pair, since),     FIELD(FIELD_NUMBER, pair, renew_at),
	FIELD(FIELD_NUMBER, pair, hard_at),   FIELD(FIELD_NUMBER, pair, activate_at),
	FIELD(FIELD_NUMBER, pair, drop_at),   FIELD(FIELD_NUMBER, pair, negotiation),
	FIELD(FIELD_BOOL, pair, initiator),   FIELD(FIELD_BOOL, pair, heard),
	FIELD(FIELD_NUMBER, pair, packets),
};

static const struct field sa_fields[] = {
	FIELD(FIELD_BOOL, ike_sa, initiator),
	FIELD(FIELD_ADDR, ike_sa, path.local),
	FIELD(FIELD_ADDR, ike_sa, path.remote),
	FIELD(FIELD_NUMBER, ike_sa, nat.known),
	FIELD(FIELD_BOOL, ike_sa, nat.here),
	FIELD(FIELD_BOOL, ike_sa, nat.there),
	FIELD(FIELD_OCTETS, ike_sa, cookies),
	FIELD(FIELD_NUMBER, ike_sa, negotiation),
	FIELD(FIELD_IKE, ike_sa, suite),
	FIELD(FIELD_NUMBER, ike_sa, suite.auth), /* behind suite, which clears it */
	FIELD(FIELD_NUMBER, ike_sa, since),
	FIELD(FIELD_NUMBER, ike_sa, renew_at),
	FIELD(FIELD_NUMBER, ike_sa, hard_at),
	FIELD(FIELD_NUMBER, ike_sa, heard_at),
	FIELD(FIELD_NUMBER, ike_sa, retire_at),
	FIELD(FIELD_BOOL, ike_sa, dpd),
	FIELD(FIELD_NUMBER, ike_sa, dpd_asked),
	FIELD(FIELD_NUMBER, ike_sa, dpd_open),
	FIELD(FIELD_NUMBER, ike_sa, dpd_heard),
};

static const struct field negotiation_field[] = {
	{ "negotiation", FIELD_NUMBER, offsetof(struct ike, last_negotiation), 4 },
};

/* One element of an array of texts or numbers. */
static const struct field suite_field = { "", FIELD_IKE, 0, 0 };
static const struct field esp_field = { "", FIELD_ESP, 0, 0 };
static const struct field length_field = FIELD(FIELD_NUMBER, chunk, len);

/* Adds the element of an array, as an object. */
static cJSON *add(cJSON *array, const struct field *f, size_t n, const void *in)
{
	cJSON *o = cJSON_CreateObject();

	fields_write(o, f, n, in);
	cJSON_AddItemToArray(array, o);
	return o;
}

/* --- the state --------------------------------------------------------------------- */

bool state_quiet(const struct peer *peer)
{
	for (const struct need *n = peer->ike->needs; n; n = n->next)
		if (n->peer == peer->cfg)
			return false;
	for (const struct ike_sa *sa = peer->sas; sa; sa = sa->next) {
		if (!sa->established)
			return false;
		for (const struct exchange *x = sa->exchanges; x; x = x->next)
			if (!x->over)
				return false;
	}
	return true;
}

void state_write(cJSON *o, const struct peer *peer)
{
	cJSON *state = cJSON_AddObjectToObject(o, "state");
	cJSON *children, *tunnels, *pairs;

	fields_write(state, negotiation_field, 1, peer->ike);
	fields_write(state, peer_fields, N(peer_fields), peer);
	children = cJSON_AddArrayToObject(state, "children");
	for (size_t i = 0; i < peer->cfg->n_child; i++) {
		pairs = cJSON_AddArrayToObject(
			add(children, child_fields, N(child_fields), &peer->child[i]),
			"pairs");
		for (const struct pair *p = peer->child[i].pairs; p; p = p->next)
			add(pairs, pair_fields, N(pair_fields), p);
	}
	tunnels = cJSON_AddArrayToObject(state, "tunnels");
	for (const struct ike_sa *sa = peer->sas; sa; sa = sa->next)
		add(tunnels, sa_fields, N(sa_fields), sa);
}

static int read_pairs(const cJSON *array, struct child *c, char *why)
{
	struct pair **at = &c->pairs;
	const cJSON *o;

	cJSON_ArrayForEach (o, array) {
		struct pair *pair = calloc(1, sizeof(*pair));

		if (!pair)
			return -1;
		*at = pair;
		at = &pair->next;
		if (fields_read(o, pair_fields, N(pair_fields), pair, why) ||
		    pair->nat.known > NAT_T_RFC)
			return -1;
	}
	return 0;
}

/* Its keys come from zeros: whatever is said in it is sealed with them. */
static int read_tunnel(const cJSON *o, struct ike_sa *sa, char *why)
{
	static const uint8_t zeros[DH_MAX];

	sa->version = IKE_V1;
	sa->established = sa->have_keys = true;
	if (fields_read(o, sa_fields, N(sa_fields), sa, why) ||
	    sa->nat.known > NAT_T_RFC || sa->suite.auth > AUTH_ECDSA521)
		return -1;
	return keymat_derive(&sa->keys, &sa->suite, zeros,
			     CHUNK(zeros, dh_shared_len(sa->suite.group)), sa->cookies);
}

static int read_tunnels(const cJSON *array, struct peer *peer, char *why)
{
	struct ike_sa **at = &peer->sas;
	const cJSON *o;

	cJSON_ArrayForEach (o, array) {
		struct ike_sa *sa = calloc(1, sizeof(*sa));

		if (!sa)
			return -1;
		sa->ike = peer->ike;
		sa->peer = peer;
		*at = sa;
		at = &sa->next;
		if (read_tunnel(o, sa, why))
			return -1;
	}
	return 0;
}

int state_read(const cJSON *o, struct peer *peer, char *why)
{
	const cJSON *state = cJSON_GetObjectItem(o, "state");
	const cJSON *children = cJSON_GetObjectItem(state, "children");
	const cJSON *tunnels = cJSON_GetObjectItem(state, "tunnels");
	size_t i = 0;

	snprintf(why, FIELDS_WHY, "\"state\" is not what belongs there");
	if (cJSON_GetArraySize(children) != (int)peer->cfg->n_child ||
	    cJSON_GetArraySize(tunnels) > LIST_MAX ||
	    fields_read(state, negotiation_field, 1, peer->ike, why) ||
	    fields_read(state, peer_fields, N(peer_fields), peer, why))
		return -1;
	cJSON_ArrayForEach (o, children) {
		struct child *c = &peer->child[i++];
		const cJSON *pairs = cJSON_GetObjectItem(o, "pairs");

		if (cJSON_GetArraySize(pairs) > PAIRS_MAX ||
		    fields_read(o, child_fields, N(child_fields), c, why) ||
		    read_pairs(pairs, c, why))
			return -1;
	}
	return read_tunnels(tunnels, peer, why);
}

/* --- the configuration ------------------------------------------------------------- */

static void write_id(cJSON *o, const char *name, const struct ike_id *id)
{
	cJSON *at = cJSON_AddObjectToObject(o, name);

	fields_write(at, id_fields, N(id_fields), id);
	hex_write(at, "data", CHUNK(id->data, id->len));
}

/* A list of size octets each, as texts or numbers. */
static void write_list(cJSON *o, const char *name, const struct field *f, const void *in,
		       size_t n, size_t size)
{
	cJSON *array = cJSON_AddArrayToObject(o, name);

	for (size_t i = 0; i < n; i++)
		cJSON_AddItemToArray(array,
				     field_write(f, (const char *)in + i * size + f->at));
}

void config_write(cJSON *o, const struct ike_peer *cfg)
{
	cJSON *children;

	cJSON_AddStringToObject(o, "name", cfg->name);
	fields_write(o, config_fields, N(config_fields), cfg);
	cJSON_AddNumberToObject(o, "auth", cfg->ike[0].auth);
	write_list(o, "ike", &suite_field, cfg->ike, cfg->n_ike, sizeof(*cfg->ike));
	write_list(o, "esp", &esp_field, cfg->esp, cfg->n_esp, sizeof(*cfg->esp));
	write_list(o, "certs", &length_field, cfg->certs, cfg->n_certs,
		   sizeof(*cfg->certs));
	write_list(o, "cas", &length_field, cfg->cas, cfg->n_cas, sizeof(*cfg->cas));
	write_id(o, "local-id", &cfg->local_id);
	write_id(o, "remote-id", &cfg->remote_id);
	children = cJSON_AddArrayToObject(o, "subnets");
	for (size_t i = 0; i < cfg->n_child; i++)
		add(children, subnet_fields, N(subnet_fields), &cfg->child[i]);
}

static int read_id(const cJSON *o, struct ike_id *id, char *why)
{
	struct buf data = { 0 };
	int ret = fields_read(o, id_fields, N(id_fields), id, why);

	if (ret || hex_read(o, "data", &data) || data.len > sizeof(id->data)) {
		buf_wipe(&data);
		return -1;
	}
	id->len = data.len;
	if (data.len)
		memcpy(id->data, data.data, data.len);
	buf_wipe(&data);
	return 0;
}

/* An array of least to LIST_MAX elements, and zeroed room for it; NULL if it is not. */
static void *room_for(const cJSON *array, int least, size_t size, size_t *n)
{
	int count = cJSON_IsArray(array) ? cJSON_GetArraySize(array) : -1;

	*n = 0;
	if (count < least || count > LIST_MAX)
		return NULL;
	*n = count;
	return calloc(count + 1, size);
}

static int read_suites(const cJSON *o, struct ike_peer *cfg, char *why)
{
	const struct field auth = { "auth", FIELD_NUMBER, 0, sizeof(enum ike_auth) };
	const cJSON *ike = cJSON_GetObjectItem(o, "ike"), *v;
	const cJSON *esp = cJSON_GetObjectItem(o, "esp");
	enum ike_auth method;
	size_t i = 0;

	cfg->ike = room_for(ike, 1, sizeof(*cfg->ike), &cfg->n_ike);
	cfg->esp = room_for(esp, 1, sizeof(*cfg->esp), &cfg->n_esp);
	if (!cfg->ike || !cfg->esp || cfg->n_ike > SUITES_MAX ||
	    cfg->n_esp > SUITES_MAX || fields_read(o, &auth, 1, &method, why) ||
	    method > AUTH_ECDSA521)
		return -1;
	cJSON_ArrayForEach (v, ike) {
		if (field_read(&suite_field, &cfg->ike[i], v))
			return -1;
		cfg->ike[i++].auth = method;
	}
	i = 0;
	cJSON_ArrayForEach (v, esp)
		if (field_read(&esp_field, &cfg->esp[i++], v))
			return -1;
	return 0;
}

/* As long as the real ones, which tell who somebody is, and of zeros. */
static int read_chunks(const cJSON *array, struct chunk **out, size_t *n)
{
	static const uint8_t zeros[BUF_MAX / 8];
	const cJSON *v;
	size_t i = 0;

	*out = room_for(array, 0, sizeof(**out), n);
	if (!*out)
		return -1;
	cJSON_ArrayForEach (v, array) {
		struct chunk *c = &(*out)[i++];

		c->p = zeros;
		if (field_read(&length_field, &c->len, v) || c->len > sizeof(zeros))
			return -1;
	}
	return 0;
}

static int read_children(const cJSON *array, struct ike_peer *cfg, char *why)
{
	const cJSON *v;
	size_t i = 0;

	cfg->child = room_for(array, 1, sizeof(*cfg->child), &cfg->n_child);
	if (!cfg->child)
		return -1;
	cJSON_ArrayForEach (v, array)
		if (fields_read(v, subnet_fields, N(subnet_fields), &cfg->child[i++],
				why))
			return -1;
	return 0;
}

struct ike_peer *config_read(const cJSON *o, char *why)
{
	struct ike_peer *cfg = calloc(1, sizeof(*cfg));
	const char *name = cJSON_GetStringValue(cJSON_GetObjectItem(o, "name"));

	snprintf(why, FIELDS_WHY, "the configuration in it is not complete");
	if (!cfg)
		return NULL;
	cfg->name = name && *name ? strdup(name) : NULL;
	if (cfg->name && !fields_read(o, config_fields, N(config_fields), cfg, why) &&
	    cfg->start <= IKE_START_NOW && !read_suites(o, cfg, why) &&
	    !read_chunks(cJSON_GetObjectItem(o, "certs"), &cfg->certs, &cfg->n_certs) &&
	    !read_chunks(cJSON_GetObjectItem(o, "cas"), &cfg->cas, &cfg->n_cas) &&
	    !read_id(cJSON_GetObjectItem(o, "local-id"), &cfg->local_id, why) &&
	    !read_id(cJSON_GetObjectItem(o, "remote-id"), &cfg->remote_id, why) &&
	    !read_children(cJSON_GetObjectItem(o, "subnets"), cfg, why))
		return cfg;
	config_drop(cfg);
	return NULL;
}

void config_drop(struct ike_peer *cfg)
{
	if (!cfg)
		return;
	free(cfg->name);
	free(cfg->ike);
	free(cfg->esp);
	free(cfg->certs);
	free(cfg->cas);
	free(cfg->child);
	free(cfg);
}
