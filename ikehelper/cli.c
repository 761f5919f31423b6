// SPDX-License-Identifier: MIT
/* Client side of the control socket: up, down, status, trace, keylog, as text and JSON. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "ikehelper.h"
#include "ladder.h"
#include "show.h"
#include "text.h"

#define UP_SECONDS     60   /* up waits so long, unless -w says otherwise */
#define START_WAIT_MS  5000 /* for a daemon that is just starting */
#define START_RETRY_MS 100
#define PSK_OCTETS     32

/* A connection to the daemon, read line by line. */
struct link {
	const char *what; /* the subcommand, for complaints */
	int fd;
	FILE *in;
	char *line;
	size_t size;
};

static int try_connect(const struct sockaddr_un *addr)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* Waits a moment for a daemon that is about to make its socket, if patient. */
static int open_link(struct link *l, const char *what, bool patient)
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

static void close_link(struct link *l)
{
	if (l->in)
		fclose(l->in);
	free(l->line);
}

/* Sends a request as one line, with a descriptor if pass is not -1, and frees it. */
static int ask(struct link *l, cJSON *request, int pass)
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

static cJSON *request_of(const char *command, const char *peer)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "command", command);
	if (peer)
		cJSON_AddStringToObject(o, "peer", peer);
	return o;
}

/*
 * The next line of the answer, which the caller frees; NULL at its end, with the exit
 * status in *status.
 */
static cJSON *answer(struct link *l, int *status)
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

/* At most one argument may be left, a peer. */
static int read_peer(int argc, char **argv, const char *what, const char **peer)
{
	*peer = argc ? argv[0] : NULL;
	if (*peer && **peer == '-')
		return misuse("%s: there is no option %s", what, *peer);
	return argc > 1 ? misuse("%s: do not know what %s is for", what, argv[1]) : 0;
}

/* Sends a request that is answered by its end alone. */
static int simply(const char *what, cJSON *request, int pass)
{
	struct link l;
	int status = open_link(&l, what, false);
	cJSON *json;

	if (status)
		cJSON_Delete(request);
	else
		status = ask(&l, request, pass);
	if (!status)
		while ((json = answer(&l, &status)))
			cJSON_Delete(json);
	close_link(&l);
	return status;
}

/* --- up and down ------------------------------------------------------------------- */

int cmd_up(int argc, char **argv)
{
	struct pollfd p = { .events = POLLIN };
	uint64_t seconds = UP_SECONDS;
	const char *peer;
	struct link l;
	cJSON *json;
	int status;

	if (argc > 1 && !strcmp(argv[0], "-w")) {
		if (u64_parse(argv[1], 86400, &seconds) < 0 || !seconds)
			return misuse("up: -w wants seconds, 1 to 86400");
		argc -= 2, argv += 2;
	}
	status = read_peer(argc, argv, "up", &peer);
	if (status || !peer)
		return status ? status : misuse("up: the name of the peer is missing");
	status = open_link(&l, "up", true);
	if (!status)
		status = ask(&l, request_of("up", peer), -1);
	p.fd = l.fd;
	if (!status && poll(&p, 1, seconds * 1000) == 0)
		status = fail("up: %s is not up after %" PRIu64 " seconds, and goes on "
			      "trying: ikehelper trace %s shows how far it came",
			      peer, seconds, peer);
	else if (!status)
		while ((json = answer(&l, &status)))
			cJSON_Delete(json);
	close_link(&l);
	return status;
}

int cmd_down(int argc, char **argv)
{
	const char *peer;
	int status = read_peer(argc, argv, "down", &peer);

	if (status || !peer)
		return status ? status : misuse("down: the name of the peer is missing");
	return simply("down", request_of("down", peer), -1);
}

int cmd_rekey(int argc, char **argv)
{
	bool control = false;
	const char *peer;
	cJSON *request;
	int status;

	if (argc > 1 && !strcmp(argv[1], "--ike")) {
		control = true;
		argc--;
	} else if (argc && !strcmp(argv[0], "--ike")) {
		control = true;
		argc--, argv++;
	}
	status = read_peer(argc, argv, "rekey", &peer);
	if (status || !peer)
		return status ? status : misuse("rekey: the name of the peer is missing");
	request = request_of("rekey", peer);
	cJSON_AddBoolToObject(request, "ike", control);
	return simply("rekey", request, -1);
}

/* --- status ------------------------------------------------------------------------ */

static const char *string_of(const cJSON *json, const char *name)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItem(json, name));

	return s ? s : "";
}

/* ", WORD 5m 3s", if it is there. */
static void print_time(const cJSON *json, const char *name, const char *word)
{
	const cJSON *v = cJSON_GetObjectItem(json, name);
	char text[32];

	if (!cJSON_IsNumber(v) || v->valuedouble < 0)
		return;
	seconds_text(v->valuedouble, text);
	printf("%s %s", word, text);
}

static void print_way(const cJSON *child, const char *way)
{
	const cJSON *o = cJSON_GetObjectItem(child, way);
	const cJSON *packets = cJSON_GetObjectItem(o, "packets");
	const cJSON *bytes = cJSON_GetObjectItem(o, "bytes");

	printf("    %-3s %s", way, string_of(o, "spi"));
	if (cJSON_IsNumber(packets) && cJSON_IsNumber(bytes))
		printf("  %.0f packets, %.0f bytes", packets->valuedouble,
		       bytes->valuedouble);
	putchar('\n');
}

static void print_child(const cJSON *child)
{
	bool up = cJSON_IsTrue(cJSON_GetObjectItem(child, "up"));

	printf("  ESP tunnels (IPsec SAs) %s = %s: %s", string_of(child, "local"),
	       string_of(child, "remote"), up ? "up" : "down");
	if (!up) {
		putchar('\n');
		return;
	}
	printf(", %s\n", string_of(child, "suite"));
	print_way(child, "in");
	print_way(child, "out");
	print_time(child, "age", "    age");
	print_time(child, "renews_in", ", renewed in");
	print_time(child, "ends_in", ", would end in");
	putchar('\n');
}

static void print_peer(const cJSON *peer)
{
	const char *suite = string_of(peer, "suite");
	const cJSON *child;

	printf("peer %s on %s\n", string_of(peer, "peer"), string_of(peer, "interface"));
	printf("  control tunnel (ISAKMP SA) %s = %s: %s\n", string_of(peer, "local"),
	       string_of(peer, "remote"), string_of(peer, "state"));
	if (*suite) {
		printf("    %s, %s, cookies %s %s\n", suite,
		       cJSON_IsTrue(cJSON_GetObjectItem(peer, "initiator")) ? "initiator"
									    : "responder",
		       string_of(peer, "cookie_i"), string_of(peer, "cookie_r"));
		print_time(peer, "age", "    age");
		print_time(peer, "ends_in", ", ends in");
		putchar('\n');
	}
	cJSON_ArrayForEach (child, cJSON_GetObjectItem(peer, "children"))
		print_child(child);
	if (cJSON_GetObjectItem(peer, "keylog")) {
		print_time(peer, "keylog", "  KEYS ARE BEING LOGGED for another");
		putchar('\n');
	}
}

int cmd_status(int argc, char **argv)
{
	bool json = take_option(&argc, argv, "--json");
	const char *peer;
	const cJSON *p;
	struct link l;
	cJSON *o;
	int status = read_peer(argc, argv, "status", &peer);

	if (!status)
		status = open_link(&l, "status", false);
	if (status)
		return status;
	status = ask(&l, request_of("status", peer), -1);
	while (!status && (o = answer(&l, &status))) {
		if (json) {
			json_print(o, true);
			continue;
		}
		cJSON_ArrayForEach (p, cJSON_GetObjectItem(o, "peers"))
			print_peer(p);
		cJSON_Delete(o);
	}
	close_link(&l);
	return status;
}

/* --- trace ------------------------------------------------------------------------- */

static unsigned terminal_width(void)
{
	struct winsize w;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) < 0 || w.ws_col > LADDER_WIDTH_MAX)
		return LADDER_WIDTH_MAX;
	return w.ws_col < LADDER_WIDTH_MIN ? LADDER_WIDTH_MIN : w.ws_col;
}

/* Events for an SVG picture, which needs all of them at once. */
struct events {
	struct trace_event *event;
	size_t n;
};

static int keep(struct events *e, const cJSON *json)
{
	struct trace_event *event = realloc(e->event, (e->n + 1) * sizeof(*event));

	if (!event)
		return fail("trace: out of memory");
	e->event = event;
	if (trace_from_json(json, &event[e->n]) == 0)
		e->n++;
	return 0;
}

static void draw(struct ladder *ladder, const cJSON *json)
{
	struct trace_event event;

	if (trace_from_json(json, &event) == 0)
		ladder_event(ladder, &event);
	fflush(stdout);
}

int cmd_trace(int argc, char **argv)
{
	bool json = take_option(&argc, argv, "--json"),
	     svg = take_option(&argc, argv, "--svg");
	bool follow = take_option(&argc, argv, "--follow");
	struct ladder ladder = { .out = stdout, .width = terminal_width() };
	struct events events = { .n = 0 };
	const char *peer;
	struct link l;
	cJSON *o;
	int status = read_peer(argc, argv, "trace", &peer);

	if (svg && (json || follow))
		return misuse("trace: --svg goes alone");
	if (!status)
		status = open_link(&l, "trace", false);
	if (status)
		return status;
	ladder.painter =
		!strcmp(nl_langinfo(CODESET), "UTF-8") ? &ladder_unicode : &ladder_ascii;
	o = request_of("trace", peer);
	cJSON_AddBoolToObject(o, "follow", follow);
	status = ask(&l, o, -1);
	while (!status && !ferror(stdout) && (o = answer(&l, &status))) {
		if (json)
			fputs(l.line, stdout), fflush(stdout);
		else if (svg)
			status = keep(&events, o);
		else
			draw(&ladder, o);
		cJSON_Delete(o);
	}
	if (svg && !status && ladder_svg(stdout, events.event, events.n) < 0)
		status = fail("trace: out of memory");
	free(events.event);
	close_link(&l);
	return status;
}

/* --- keys -------------------------------------------------------------------------- */

int cmd_keylog(int argc, char **argv)
{
	uint32_t seconds;
	cJSON *request;
	int fd, status;

	if (argc != 3)
		return misuse("keylog: write keylog PEER TIME FILE");
	if (seconds_parse(argv[1], &seconds) < 0 || !seconds)
		return misuse("keylog: %s is no time; write 10m, 90s or seconds",
			      argv[1]);
	fd = open(argv[2], O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0 && errno == EEXIST)
		return fail("keylog: %s is there already: name a new file", argv[2]);
	if (fd < 0)
		return fail("keylog: cannot make %s: %s", argv[2], strerror(errno));
	request = request_of("keylog", argv[0]);
	cJSON_AddNumberToObject(request, "seconds", seconds);
	status = simply("keylog", request, fd);
	close(fd);
	if (status)
		unlink(argv[2]);
	else
		fprintf(stderr,
			"ikehelper: the keys of %s go to %s from now on: whoever has them "
			"reads the traffic\n",
			argv[0], argv[2]);
	return status;
}

int cmd_genpsk(int argc, char **argv)
{
	uint8_t octets[PSK_OCTETS];
	char text[PSK_OCTETS * 2];
	struct stat st;

	(void)argv;
	if (argc)
		return misuse("genpsk takes no arguments");
	if (RAND_bytes(octets, sizeof(octets)) != 1)
		return fail("genpsk: OpenSSL gives no random octets");
	if (fstat(STDOUT_FILENO, &st) == 0 && S_ISREG(st.st_mode) && st.st_mode & 077)
		fputs("ikehelper: genpsk: others may read the file that this goes to: "
		      "chmod 600 it\n",
		      stderr);
	EVP_EncodeBlock((unsigned char *)text, octets, sizeof(octets));
	puts(text);
	OPENSSL_cleanse(octets, sizeof(octets));
	OPENSSL_cleanse(text, sizeof(text));
	return fflush(stdout) ? fail("genpsk: cannot write: %s", strerror(errno)) : 0;
}
