// SPDX-License-Identifier: MIT
/* A NAT in front of a side: ports mapped, forgotten when idle, others after a reboot. */
#include "natbox.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_PORT 20000

static bool forgotten(const struct natbox *n, const struct natbox_flow *f, uint64_t now)
{
	return !f->outer || (n->idle_ms && now - f->used_at > n->idle_ms);
}

static struct natbox_flow *find(struct natbox *n, uint64_t now, uint16_t port, bool inner)
{
	for (size_t i = 0; i < NATBOX_FLOWS; i++) {
		struct natbox_flow *f = &n->flow[i];

		if (!forgotten(n, f, now) && (inner ? f->inner : f->outer) == port)
			return f;
	}
	return NULL;
}

static struct natbox_flow *create(struct natbox *n, uint64_t now, uint16_t inner)
{
	struct natbox_flow *f = n->flow;

	while (!forgotten(n, f, now))
		if (++f == n->flow + NATBOX_FLOWS)
			abort();
	if (!n->last)
		n->last = FIRST_PORT;
	f->inner = inner;
	f->outer = n->forwards ? inner : ++n->last;
	return f;
}

void natbox_out(struct natbox *n, uint64_t now, struct ike_addr *from)
{
	struct natbox_flow *f;

	if (!n->there)
		return;
	f = find(n, now, from->port, true);
	if (!f)
		f = create(n, now, from->port);
	f->used_at = now;
	*from = n->outside;
	from->port = f->outer;
}

bool natbox_in(struct natbox *n, uint64_t now, struct ike_addr *to)
{
	struct natbox_flow *f;

	if (!n->there)
		return true;
	if (!same_address(to, &n->outside))
		return false;
	f = find(n, now, to->port, false);
	if (!f && n->forwards)
		f = create(n, now, to->port);
	if (!f)
		return false;
	f->used_at = now;
	*to = n->inside;
	to->port = f->inner;
	return true;
}

void natbox_reboot(struct natbox *n)
{
	memset(n->flow, 0, sizeof(n->flow));
}
