/* Who may ask what over HTTP, and where to listen (gateway/http_check.h). */
#include "gateway/http_check.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "gateway/base64.h"

static const char *const own_names[] = {"localhost", "127.0.0.1", "[::1]", NULL};

/* The length of HOST in HOST[:PORT]; [..] is one host. */
static size_t host_length(const char *text)
{
	const char *bracket = *text == '[' ? strchr(text, ']') : NULL;

	return bracket ? (size_t)(bracket - text) + 1 : strcspn(text, ":/");
}

static bool is_one_of(const char *host, size_t len, const char *const *names)
{
	for (size_t i = 0; names[i]; i++)
		if (strlen(names[i]) == len && strncasecmp(names[i], host, len) == 0)
			return true;
	return false;
}

static bool is_our_host(const struct http_options *options, const char *host)
{
	size_t len = host_length(host), rest = strspn(host + len, ":0123456789");

	return host[len + rest] == '\0' &&
	       (is_one_of(host, len, own_names) || is_one_of(host, len, options->hosts));
}

static bool is_our_page(const struct http_options *options, const char *origin)
{
	const char *host = strstr(origin, "://");

	if (is_one_of(origin, strlen(origin), options->origins))
		return true;
	return host && is_our_host(options, host + 3);
}

/* As long for a wrong token as for the right one. */
static bool has_token(const char *token, const char *authorization)
{
	size_t len = strlen(token);
	unsigned char differs = 0;

	if (!authorization || strncasecmp(authorization, "Bearer ", 7) != 0 ||
		strlen(authorization + 7) != len)
		return false;
	for (size_t i = 0; i < len; i++)
		differs |= (unsigned char)(token[i] ^ authorization[7 + i]);
	return differs == 0;
}

/* application/json, whatever its parameters. */
static bool is_json(const char *type)
{
	static const char json[] = "application/json";

	return type && strncasecmp(type, json, sizeof(json) - 1) == 0 &&
	       strchr("; \t", type[sizeof(json) - 1]);
}

unsigned http_judge(
	const struct http_options *options, const struct http_asked *asked, const char **ret_text)
{
	if (!asked->host || !is_our_host(options, asked->host)) {
		*ret_text = "unknown Host; --allow-host names those of this server";
		return 403;
	}
	if (asked->origin && !is_our_page(options, asked->origin)) {
		*ret_text = "this Origin may not ask; --allow-origin names those that may";
		return 403;
	}
	if (options->token && !has_token(options->token, asked->authorization)) {
		*ret_text = "a bearer token is asked for";
		return 401;
	}
	if (strcmp(asked->path, options->path) != 0) {
		*ret_text = "nothing is served at this path";
		return 404;
	}
	if (strcmp(asked->method, "POST") != 0) {
		*ret_text = "only POST is served: no session, no stream of the server's own";
		return 405;
	}
	if (!is_json(asked->type) ||
		(asked->encoding && strcasecmp(asked->encoding, "identity") != 0)) {
		*ret_text = "the body must be application/json, not encoded";
		return 415;
	}
	return 0;
}

const char *http_value(const char *value, char text[HTTP_VALUE_MAX])
{
	size_t len;

	if (!value)
		return NULL;
	value += strspn(value, " \t");
	len = strlen(value);
	while (len && strchr(" \t", value[len - 1]))
		len--;
	if (len >= HTTP_VALUE_MAX)
		return NULL;
	memcpy(text, value, len);
	text[len] = '\0';
	return text;
}

const char *http_decode(const char *value, char text[HTTP_VALUE_MAX])
{
	static const char prefix[] = "=?base64?", suffix[] = "?=";
	const size_t before = sizeof(prefix) - 1, after = sizeof(suffix) - 1;
	size_t len;

	value = http_value(value, text);
	if (!value || strncmp(value, prefix, before) != 0)
		return value;
	len = strlen(value);
	if (len < before + after || strcmp(value + len - after, suffix) != 0)
		return NULL;
	len -= before + after;
	memmove(text, text + before, len);
	if (!base64_decode(text, &len))
		return NULL;
	text[len] = '\0';
	return strlen(text) == len ? text : NULL;
}

static bool is_loopback(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET)
		return ntohl(((const struct sockaddr_in *)(const void *)address)
				       ->sin_addr.s_addr) >>
			       24 ==
		       127;
	return address->sa_family == AF_INET6 &&
	       IN6_IS_ADDR_LOOPBACK(
		       &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr);
}

/* HOST and PORT out of "HOST:PORT", "[HOST]:PORT", ":PORT" or "PORT". */
static int split(
	const char *address, char *host, size_t size, const char **ret_port, struct err *err)
{
	size_t len = host_length(address);
	const char *port = address[len] == ':' ? address + len + 1 : NULL;

	if (!port && address[strspn(address, "0123456789")] == '\0') {
		port = address;
		len = 0;
	}
	if (!port || !*port || port[strspn(port, "0123456789")] || strlen(port) > 5 ||
		strtoul(port, NULL, 10) > 65535 || len >= size) {
		err_set(err, EINVAL, "--http %s: is no address", address);
		err_remedy(err, "as in --http 127.0.0.1:8080, --http [::1]:8080 or --http 8080");
		return -EINVAL;
	}
	if (*address == '[' && len > 1)
		snprintf(host, size, "%.*s", (int)len - 2, address + 1);
	else
		snprintf(host, size, "%.*s", (int)len, len ? address : "");
	if (!*host)
		snprintf(host, size, "127.0.0.1");
	*ret_port = port;
	return 0;
}

static int listen_at(
	const struct http_options *options, const struct addrinfo *where, struct err *err)
{
	cleanup_fd int fd = -1;
	int yes = 1;

	if (!options->token && !is_loopback(where->ai_addr)) {
		err_set(err, EPERM, "--http %s: others than this machine could run programs here",
			options->address);
		err_remedy(err, "ask for a token with --token-file, or listen on 127.0.0.1");
		return -EPERM;
	}
	fd = socket(where->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0 ||
		bind(fd, where->ai_addr, where->ai_addrlen) < 0 || listen(fd, 128) < 0)
		return err_errno(err, "--http %s", options->address);
	return take_fd(&fd);
}

static int port_of(int fd)
{
	struct sockaddr_storage own = {0};
	socklen_t len = sizeof(own);

	if (getsockname(fd, (struct sockaddr *)&own, &len) < 0)
		return 0;
	return ntohs(own.ss_family == AF_INET ? ((struct sockaddr_in *)&own)->sin_port
					      : ((struct sockaddr_in6 *)&own)->sin6_port);
}

int http_listen(const struct http_options *options, char *url, size_t size, struct err *err)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
	struct addrinfo *found = NULL;
	const char *port;
	char host[256];
	int fd, code = split(options->address, host, sizeof(host), &port, err);

	if (code < 0)
		return code;
	code = getaddrinfo(host, port, &hints, &found);
	if (code != 0)
		return err_set(
			err, EADDRNOTAVAIL, "--http %s: %s", options->address, gai_strerror(code));
	fd = listen_at(options, found, err);
	freeaddrinfo(found);
	if (fd >= 0)
		snprintf(url, size, strchr(host, ':') ? "http://[%s]:%d%s" : "http://%s:%d%s", host,
			port_of(fd), options->path);
	return fd;
}
