// SPDX-License-Identifier: MIT
/* The key process: PSKs and private keys stay in it; it answers prf and sign only. */
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

#include "credentials.h"
#include "sandbox.h"

#define SECURE_HEAP (1 << 20) /* octets for private keys, some KB each */
#define SECURE_MIN  16

struct key {
	size_t len;
	char key[PSK_MAX];
	EVP_PKEY *sign; /* instead, for a peer with signatures */
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

/* Returns 0, or -1 after a line to stderr. */
static int read_one(const char *name, const struct peer_config *peer, struct key *key)
{
	ssize_t len;

	if (peer->by != BY_PSK) {
		key->sign = private_key_read(name, peer, stderr);
		return key->sign ? 0 : -1;
	}
	len = psk_read(name, peer, key->key, stderr);
	key->len = len < 0 ? 0 : len;
	return len < 0 ? -1 : 0;
}

int key_check(const char *name, const struct peer_config *peer)
{
	struct key key = { 0 };
	int err = read_one(name, peer, &key);

	EVP_PKEY_free(key.sign);
	OPENSSL_cleanse(&key, sizeof(key));
	return err;
}

static struct key *read_all(const struct job *job)
{
	size_t n = job->config->n_peers, i;
	struct key *keys = calloc(n, sizeof(*keys));
	bool bad = !keys;

	/* From here on OpenSSL keeps the secret parts of keys out of swap and dumps. */
	if (keys && CRYPTO_secure_malloc_init(SECURE_HEAP, SECURE_MIN) != 1) {
		fprintf(stderr, "ikehelper: cannot keep keys out of swap\n");
		bad = true;
	}
	for (i = 0; keys && i < n; i++)
		bad |= read_one(job->name, &job->config->peer[i], &keys[i]) < 0;
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
	int signature;

	memset(a, 0, sizeof(*a));
	a->id = q->id;
	if (q->peer >= n || q->len > sizeof(q->data))
		return;
	if (q->op == KEYS_SIGN && keys[q->peer].sign) {
		signature = signature_make(keys[q->peer].sign, data, a->out);
		a->len = signature < 0 ? 0 : signature;
		return;
	}
	if (q->op == KEYS_SIGN || keys[q->peer].sign || !len)
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
