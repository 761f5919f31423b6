// SPDX-License-Identifier: MIT
/* The key process: PSKs stay in it, and it answers prf only. */
#include "keys.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "sandbox.h"

struct key {
	size_t len;
	char key[PSK_MAX];
};

struct job {
	const char *name;
	const struct config *config;
};

int secret_open(const char *path, char why[KEYS_WHY])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		snprintf(why, KEYS_WHY, "cannot read %.200s: %s", path, strerror(errno));
	} else if (S_ISDIR(st.st_mode)) {
		snprintf(why, KEYS_WHY, "%.200s is a directory, not a key file", path);
	} else if (S_ISREG(st.st_mode) && st.st_mode & 077) {
		snprintf(
			why, KEYS_WHY,
			"%.200s is open to others than its owner (mode %03o): chmod 600 %.200s",
			path, st.st_mode & 0777, path);
	} else {
		return fd;
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

static struct key *read_all(const struct job *job)
{
	size_t n = job->config->n_peers, i;
	struct key *keys = calloc(n, sizeof(*keys));
	bool bad = !keys;
	ssize_t len;

	for (i = 0; keys && i < n; i++) {
		len = psk_read(job->name, &job->config->peer[i], keys[i].key, stderr);
		bad |= len < 0;
		keys[i].len = len < 0 ? 0 : len;
	}
	if (!bad && mlock(keys, n * sizeof(*keys)) == 0)
		return keys;
	if (!bad)
		fprintf(stderr, "ikehelper: cannot keep keys out of swap: %s\n",
			strerror(errno));
	if (keys)
		OPENSSL_cleanse(keys, n * sizeof(*keys));
	free(keys);
	return NULL;
}

static void answer(const struct key *keys, size_t n, const struct keys_request *q,
		   struct keys_answer *a)
{
	struct chunk data = CHUNK(q->data, q->len);
	size_t len = hash_len(q->hash);

	memset(a, 0, sizeof(*a));
	a->id = q->id;
	if (q->peer >= n || q->len > sizeof(q->data) || !len)
		return;
	if (prf(q->hash, CHUNK((const uint8_t *)keys[q->peer].key, keys[q->peer].len),
		&data, 1, a->out) == 0)
		a->len = len;
}

static int serve(int fd, void *ctx)
{
	struct keys_answer a = { .id = 0 };
	struct job *job = ctx;
	struct keys_request q;
	struct key *keys = read_all(job);

	if (!keys || sandbox_enter(SANDBOX_KEYS) < 0)
		return 1;
	/* The first answer, to no question: ready. */
	do {
		if (send(fd, &a, sizeof(a), MSG_NOSIGNAL) != sizeof(a))
			break;
		OPENSSL_cleanse(&a, sizeof(a));
		if (recv(fd, &q, sizeof(q), 0) != sizeof(q))
			break;
		answer(keys, job->config->n_peers, &q, &a);
		OPENSSL_cleanse(&q, sizeof(q));
	} while (true);
	OPENSSL_cleanse(keys, job->config->n_peers * sizeof(*keys));
	return 0;
}

int keys_start(struct proc *proc, const char *name, const struct config *config)
{
	struct job job = { .name = name, .config = config };
	struct keys_answer ready;
	struct pollfd p = { .events = POLLIN };

	if (proc_start(proc, "ikehelper-keys", serve, &job) < 0) {
		perror("ikehelper: cannot start the key process");
		return -1;
	}
	p.fd = proc->fd;
	while (poll(&p, 1, -1) < 0 && errno == EINTR)
		;
	if (proc_answer(proc, &ready, sizeof(ready)) == sizeof(ready))
		return 0;
	proc_stop(proc);
	return -1;
}
