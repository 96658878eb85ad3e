/* docker/api.h: finding a daemon, and requests to it. */
#include "docker/api.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

#define ANSWER_MAX   ((size_t)8 << 20)
#define CONNECT_TIME 5L
#define PING_TIME    5L
#define HEAD_MAX     16384

static const char unix_scheme[] = "unix://";

bool api_is_broken_off(struct api *api)
{
	struct pollfd fd = {.fd = api->control, .events = POLLIN};

	if (!api->broken_off && api->control >= 0 && poll(&fd, 1, 0) > 0)
		api->broken_off = true;
	return api->broken_off;
}

static int on_progress(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	(void)a, (void)b, (void)c, (void)d;
	return api_is_broken_off(context);
}

static size_t take_body(char *bytes, size_t size, size_t count, void *context)
{
	return buf_add(context, bytes, size * count) ? size * count : 0;
}

/* A daemon's name and its API's version, from the answer to /_ping. */
static size_t take_header(char *bytes, size_t size, size_t count, void *context)
{
	struct api *api = context;
	size_t len = size * count;
	unsigned minor;
	char line[128];

	snprintf(line, sizeof(line), "%.*s", (int)(len < 127 ? len : 127), bytes);
	if (strncasecmp(line, "api-version:", 12) == 0 && sscanf(line + 12, " 1.%u", &minor) == 1)
		api->minor = minor;
	if (strncasecmp(line, "libpod-api-version:", 19) == 0)
		api->podman = true;
	return len;
}

static const char *base_url(const struct api *api)
{
	return api->socket ? "http://docker" : api->host;
}

/* Client certificates as the docker command has them. */
static void set_tls(const struct api *api, CURL *curl)
{
	const char *place = getenv("DOCKER_CERT_PATH"), *home = getenv("HOME");
	char path[4096];

	if (api->socket)
		return;
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	for (int i = 0; i < 3; i++) {
		static const char *const names[] = {"ca.pem", "cert.pem", "key.pem"};
		static const CURLoption options[] = {
			CURLOPT_CAINFO, CURLOPT_SSLCERT, CURLOPT_SSLKEY};

		if (place)
			snprintf(path, sizeof(path), "%s/%s", place, names[i]);
		else
			snprintf(path, sizeof(path), "%s/.docker/%s", home ? home : "", names[i]);
		if (access(path, R_OK) == 0)
			curl_easy_setopt(curl, options[i], path);
	}
}

static void set_common(struct api *api, CURL *curl)
{
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_TIME);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	if (api->socket)
		curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, api->socket);
	set_tls(api, curl);
}

static int set_host(struct api *api, const char *host, struct err *err)
{
	free(api->host);
	api->socket = NULL;
	if (strncmp(host, unix_scheme, sizeof(unix_scheme) - 1) == 0 || *host == '/') {
		api->host = strdup(host);
		if (api->host)
			api->socket =
				*host == '/' ? api->host : api->host + sizeof(unix_scheme) - 1;
	} else if (strncmp(host, "tcp://", 6) == 0 || strncmp(host, "https://", 8) == 0) {
		size_t size = strlen(host) + 16;

		api->host = malloc(size);
		if (api->host)
			snprintf(api->host, size, "https://%s", strstr(host, "://") + 3);
		api->remote = true;
	} else {
		api->host = NULL;
		err_set(err, EINVAL, "%s: is no address of a Docker daemon that pysbx knows", host);
		err_remedy(err, "unix:///PATH, or tcp://HOST:PORT with TLS (DOCKER_CERT_PATH)");
		return -EINVAL;
	}
	return api->host ? 0 : err_set(err, ENOMEM, "out of memory");
}

static void set_request(CURL *curl, const char *method, const json_t *body, char *text)
{
	if (body || strcmp(method, "POST") == 0) {
		curl_easy_setopt(curl, CURLOPT_POST, 1L);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, text ? text : "");
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, text ? (long)strlen(text) : 0L);
	} else if (strcmp(method, "GET") != 0) {
		curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	}
}

static int failed(struct api *api, const char *path, CURLcode code, struct err *err)
{
	if (api->broken_off)
		return err_set(err, ECANCELED, "the run was ended");
	err_set(err, code == CURLE_OPERATION_TIMEDOUT ? ETIMEDOUT : ECONNREFUSED, "%s: %.*s: %s",
		api->host, (int)strcspn(path, "?"), path, curl_easy_strerror(code));
	if (api->socket)
		err_remedy(err, "see whether the daemon runs, and whether this user may use its "
				"socket");
	else
		err_remedy(err, "see whether the daemon runs there, with TLS; ca.pem, cert.pem and "
				"key.pem are those in DOCKER_CERT_PATH, else in ~/.docker");
	return -err->code;
}

/* Answers that are several lines (progress) name an id in a way of each daemon's own. */
static void find_digest(const struct buf *body, char digest[65])
{
	for (const char *at = body->data; at && *at;) {
		size_t len = strspn(at, "0123456789abcdef");

		if (len == 64)
			snprintf(digest, 65, "%.64s", at);
		at += len ? len : 1;
	}
}

/* Makes the answer of what has come; JSON in several lines (progress) is its last one. */
static void take_answer(CURL *curl, const struct buf *body, struct api_answer *ret)
{
	const json_t *message;
	const char *text;

	*ret = (struct api_answer){0};
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &ret->status);
	ret->json = body->len ? json_loadb(body->data, body->len, 0, NULL) : NULL;
	find_digest(body, ret->digest);
	message = json_object_get(ret->json, "message");
	text = json_string_value(message);
	snprintf(ret->message, sizeof(ret->message), "%s",
		text        ? text
		: body->len ? body->data
			    : "no reason is given");
	for (char *at = ret->message; *at; at++)
		if ((unsigned char)*at < ' ')
			*at = ' ';
}

static int perform(struct api *api, const char *path, struct curl_slist *headers, long seconds,
	struct api_answer *ret, struct err *err)
{
	cleanup_buf struct buf body = BUF_INIT(ANSWER_MAX);
	char url[4096];
	CURLcode code;

	if (api->minor)
		snprintf(url, sizeof(url), "%s/v1.%u%s", base_url(api), api->minor, path);
	else
		snprintf(url, sizeof(url), "%s%s", base_url(api), path);
	set_common(api, api->curl);
	curl_easy_setopt(api->curl, CURLOPT_URL, url);
	curl_easy_setopt(api->curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(api->curl, CURLOPT_TIMEOUT, seconds);
	curl_easy_setopt(api->curl, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(api->curl, CURLOPT_WRITEDATA, &body);
	if (!api->minor) {
		curl_easy_setopt(api->curl, CURLOPT_HEADERFUNCTION, take_header);
		curl_easy_setopt(api->curl, CURLOPT_HEADERDATA, api);
	}
	curl_easy_setopt(api->curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(api->curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(api->curl, CURLOPT_XFERINFODATA, api);
	code = curl_easy_perform(api->curl);
	if (code == CURLE_OK)
		take_answer(api->curl, &body, ret);
	return code == CURLE_OK ? 0 : failed(api, path, code, err);
}

int api_call(struct api *api, const char *method, const char *path, const json_t *body,
	long seconds, struct api_answer *ret, struct err *err)
{
	struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	int code;

	*ret = (struct api_answer){0};
	curl_easy_reset(api->curl);
	if (!headers || (body && !text)) {
		code = err_set(err, ENOMEM, "out of memory");
	} else {
		set_request(api->curl, method, body, text);
		code = perform(api, path, headers, seconds, ret, err);
	}
	curl_slist_free_all(headers);
	free(text);
	return code;
}

static size_t give_body(char *data, size_t size, size_t count, void *context)
{
	const struct api_upload *upload = context;
	size_t n = upload->read(data, size * count, upload->context);

	return n == (size_t)-1 ? CURL_READFUNC_ABORT : n;
}

int api_send(struct api *api, const char *path, const struct api_upload *upload, long seconds,
	struct api_answer *ret, struct err *err)
{
	struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/x-tar");
	int code;

	*ret = (struct api_answer){0};
	/* Chunked, and without waiting to be told to go on. */
	headers = curl_slist_append(headers, "Transfer-Encoding: chunked");
	headers = curl_slist_append(headers, "Expect:");
	curl_easy_reset(api->curl);
	curl_easy_setopt(api->curl, CURLOPT_POST, 1L);
	curl_easy_setopt(api->curl, CURLOPT_READFUNCTION, give_body);
	curl_easy_setopt(api->curl, CURLOPT_READDATA, upload);
	code = perform(api, path, headers, seconds, ret, err);
	curl_slist_free_all(headers);
	return code;
}

void api_answer_free(struct api_answer *answer)
{
	json_decref(answer->json);
	answer->json = NULL;
}

int api_refused(const struct api_answer *answer, const char *what, struct err *err)
{
	return err_set(err, answer->status == 404 ? ENOENT : EPROTO, "%s: the daemon says %ld: %s",
		what, answer->status, answer->message);
}

/* 0 if a daemon that is new enough answers there. */
static int ping(struct api *api, struct err *err)
{
	struct api_answer answer;
	int code;

	api->minor = 0;
	api->podman = false;
	code = api_call(api, "GET", "/_ping", NULL, PING_TIME, &answer, err);
	if (code < 0)
		return code;
	api_answer_free(&answer);
	if (answer.status != 200)
		return api_refused(&answer, api->host, err);
	if (api->minor < API_OLDEST) {
		err_set(err, EPROTO, "%s: its API version is %s1.%u, at least 1.%d is needed",
			api->host, api->minor ? "" : "not told: ", api->minor, API_OLDEST);
		err_remedy(err, "Docker 20.10 or newer, or podman 3 or newer");
		return -EPROTO;
	}
	if (api->minor > API_NEWEST)
		api->minor = API_NEWEST;
	return 0;
}

static int try_host(struct api *api, const char *host, struct err *err)
{
	int code = set_host(api, host, err);

	if (code == 0)
		code = ping(api, err);
	if (code < 0)
		buf_printf(&api->tried, "%s%s", api->tried.len ? "; " : "", err->text);
	return code;
}

/* The sockets that daemons have where nobody names one. */
static int try_usual(struct api *api, struct err *err)
{
	const char *own = getenv("XDG_RUNTIME_DIR");
	char hosts[5][4096] = {"unix:///var/run/docker.sock", "unix:///run/podman/podman.sock"};
	unsigned count = 2;

	if (own && *own == '/') {
		snprintf(hosts[1], sizeof(hosts[1]), "unix://%s/docker.sock", own);
		snprintf(hosts[2], sizeof(hosts[2]), "unix://%s/podman/podman.sock", own);
		snprintf(hosts[3], sizeof(hosts[3]), "unix:///run/podman/podman.sock");
		count = 4;
	}
	for (unsigned i = 0; i < count; i++) {
		struct stat st;

		if (stat(hosts[i] + sizeof(unix_scheme) - 1, &st) < 0 || !S_ISSOCK(st.st_mode)) {
			buf_printf(&api->tried, "%s%s: is not there", api->tried.len ? "; " : "",
				hosts[i]);
			continue;
		}
		if (try_host(api, hosts[i], err) == 0)
			return 0;
		if (api_is_broken_off(api))
			break;
	}
	err_set(err, ENOENT, "no Docker daemon answers: %s", api->tried.data);
	err_remedy(err, "start docker or `podman system service`, or name its socket with "
			"--docker-host; this user must be allowed to use it");
	return -ENOENT;
}

int api_open(struct api *api, const char *wanted, int control, struct err *err)
{
	const char *named = wanted ? wanted : getenv("DOCKER_HOST");

	*api = (struct api){.control = control, .tried = BUF_INIT(4096)};
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || !(api->curl = curl_easy_init()))
		return err_set(err, ENOMEM, "libcurl cannot be used");
	return named && *named ? try_host(api, named, err) : try_usual(api, err);
}

void api_close(struct api *api)
{
	curl_easy_cleanup(api->curl);
	curl_global_cleanup();
	free(api->host);
	buf_free(&api->tried);
}

/* Sends all of it, waiting for the socket. */
static int send_head(struct api *api, CURL *curl, curl_socket_t fd, struct str head)
{
	while (head.len) {
		struct pollfd ready = {.fd = fd, .events = POLLOUT};
		size_t n = 0;
		CURLcode code = curl_easy_send(curl, head.ptr, head.len, &n);

		if (code != CURLE_OK && code != CURLE_AGAIN)
			return -ECONNRESET;
		head = str_from(head.ptr + n, head.len - n);
		if (code == CURLE_AGAIN &&
			(poll(&ready, 1, (int)CONNECT_TIME * 1000) <= 0 || api_is_broken_off(api)))
			return -ETIMEDOUT;
	}
	return 0;
}

/* Reads to the empty line after the answer's head; what follows it is the stream's. */
static int read_head(
	struct api *api, CURL *curl, curl_socket_t fd, struct buf *head, size_t *ret_end)
{
	for (;;) {
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		size_t n = 0;
		char *end;
		CURLcode code;

		if (!buf_reserve(head, 1024))
			return -EPROTO;
		code = curl_easy_recv(curl, head->data + head->len, 1024, &n);
		if (code == CURLE_AGAIN) {
			if (poll(&ready, 1, (int)CONNECT_TIME * 2000) <= 0 ||
				api_is_broken_off(api))
				return -ETIMEDOUT;
			continue;
		}
		if (code != CURLE_OK || n == 0)
			return -ECONNRESET;
		head->len += n;
		end = memmem(head->data, head->len, "\r\n\r\n", 4);
		if (end) {
			*ret_end = (size_t)(end - head->data) + 4;
			return 0;
		}
	}
}

static int begin_stream(
	struct api *api, CURL *curl, const char *path, struct buf *first, struct err *err)
{
	cleanup_buf struct buf head = BUF_INIT(HEAD_MAX);
	cleanup_buf struct buf answer = BUF_INIT(HEAD_MAX);
	curl_socket_t fd = -1;
	unsigned status = 0;
	size_t end = 0;
	int code;

	buf_printf(&head,
		"POST /v1.%u%s HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\n"
		"Upgrade: tcp\r\nContent-Length: 0\r\n\r\n",
		api->minor, path);
	curl_easy_getinfo(curl, CURLINFO_ACTIVESOCKET, &fd);
	code = fd < 0 || head.failed ? -ENOMEM : send_head(api, curl, fd, buf_str(&head));
	if (code == 0)
		code = read_head(api, curl, fd, &answer, &end);
	if (code < 0)
		return err_set(err, -code, "attaching: %s", strerror(-code));
	answer.data[answer.len] = '\0';
	if (sscanf(answer.data, "HTTP/1.%*1[01] %3u", &status) != 1 ||
		(status != 101 && status != 200))
		return err_set(err, EPROTO, "attaching: the daemon answers %.*s: %.300s",
			(int)strcspn(answer.data, "\r\n"), answer.data, answer.data + end);
	return buf_add(first, answer.data + end, answer.len - end) || answer.len == end
		       ? 0
		       : err_set(err, ENOMEM, "out of memory");
}

CURL *api_stream(struct api *api, const char *path, struct buf *first, struct err *err)
{
	CURL *curl = curl_easy_init();
	CURLcode code;

	if (!curl) {
		err_set(err, ENOMEM, "out of memory");
		return NULL;
	}
	set_common(api, curl);
	curl_easy_setopt(curl, CURLOPT_URL, base_url(api));
	curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
	code = curl_easy_perform(curl);
	if (code != CURLE_OK)
		failed(api, "attaching", code, err);
	else if (begin_stream(api, curl, path, first, err) == 0)
		return curl;
	curl_easy_cleanup(curl);
	return NULL;
}
