// SPDX-License-Identifier: MIT
/* The client's end of the control socket: one request, lines back. */
#include "client.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "ikehelper.h"

#define START_WAIT_MS  5000 /* for a daemon that is just starting */
#define START_RETRY_MS 100

static int try_connect(const struct sockaddr_un *addr)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0)
		return fd;
	close(fd);
	return -1;
}

int client_open(struct client_link *l, const char *what, bool patient)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int left = patient ? START_WAIT_MS : 0;

	memset(l, 0, sizeof(*l));
	l->what = what;
	if (strlen(control_path) >= sizeof(addr.sun_path))
		return misuse("%s: the path of the control socket is too long: %s", what,
			      control_path);
	strcpy(addr.sun_path, control_path);
	while ((l->fd = try_connect(&addr)) < 0 && left > 0 &&
	       (errno == ENOENT || errno == ECONNREFUSED)) {
		poll(NULL, 0, START_RETRY_MS);
		left -= START_RETRY_MS;
	}
	if (l->fd >= 0 && (l->in = fdopen(l->fd, "r")))
		return 0;
	if (errno == ENOENT || errno == ECONNREFUSED)
		return fail(
			"%s: no daemon answers at %s: start ikehelper run, or name its "
			"socket with -s",
			what, control_path);
	if (errno == EACCES || errno == EPERM)
		return fail("%s: the control socket %s is for root: run as root", what,
			    control_path);
	return fail("%s: cannot connect to %s: %s", what, control_path, strerror(errno));
}

void client_close(struct client_link *l)
{
	if (l->in)
		fclose(l->in);
	free(l->line);
}

int client_ask(struct client_link *l, cJSON *request, int pass)
{
	char *text = cJSON_PrintUnformatted(request);
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { .room = { 0 } };
	struct iovec iov[2] = { { text, text ? strlen(text) : 0 }, { "\n", 1 } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
	size_t len = iov[0].iov_len + 1;
	struct cmsghdr *c;
	ssize_t n;

	if (pass >= 0) {
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control.room);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &pass, sizeof(int));
	}
	n = text ? sendmsg(l->fd, &msg, MSG_NOSIGNAL) : -1;
	cJSON_free(text);
	cJSON_Delete(request);
	return n == (ssize_t)len ? 0 : fail("%s: the daemon went away", l->what);
}

cJSON *client_request(const char *command, const char *peer)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "command", command);
	if (peer)
		cJSON_AddStringToObject(o, "peer", peer);
	return o;
}

cJSON *client_answer(struct client_link *l, int *status)
{
	const char *error;
	cJSON *json;

	if (getline(&l->line, &l->size, l->in) < 0) {
		*status = fail("%s: the daemon went away", l->what);
		return NULL;
	}
	json = cJSON_Parse(l->line);
	if (!json) {
		*status = fail("%s: the daemon's answer is not understood", l->what);
		return NULL;
	}
	if (!cJSON_IsTrue(cJSON_GetObjectItem(json, "done")))
		return json;
	error = cJSON_GetStringValue(cJSON_GetObjectItem(json, "error"));
	*status = error ? fail("%s: %s", l->what, error) : 0;
	cJSON_Delete(json);
	return NULL;
}

int client_peer(int argc, char **argv, const char *what, const char **peer)
{
	*peer = argc ? argv[0] : NULL;
	if (*peer && **peer == '-')
		return misuse("%s: there is no option %s", what, *peer);
	return argc > 1 ? misuse("%s: do not know what %s is for", what, argv[1]) : 0;
}

int client_simply(const char *what, cJSON *request, int pass)
{
	struct client_link l;
	int status = client_open(&l, what, false);
	cJSON *json;

	if (status)
		cJSON_Delete(request);
	else
		status = client_ask(&l, request, pass);
	if (!status)
		while ((json = client_answer(&l, &status)))
			cJSON_Delete(json);
	client_close(&l);
	return status;
}

const char *client_string(const cJSON *json, const char *name)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItem(json, name));

	return s ? s : "";
}
