/*
 * The Docker Engine API over one connection: libcurl does HTTP, jansson JSON. The only files that
 * include their headers are here.
 *
 * Which daemon: the host that was named, else DOCKER_HOST, else the first of the usual sockets that
 * answers. A host that was named never falls back to another. TCP only with TLS, both sides
 * verified. Sources: the Engine API reference 1.40 and later; podman-system-service(1).
 */
#ifndef PYSBX_DOCKER_API_H
#define PYSBX_DOCKER_API_H

#include <curl/curl.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

#define API_OLDEST 40 /* 1.40: Docker 19.03 */
#define API_NEWEST 47

struct api {
	CURL *curl;
	char *host;         /* "unix:///run/docker.sock", "tcp://..." */
	const char *socket; /* its path, or NULL */
	unsigned minor;     /* of the API version in use: 1.minor */
	bool podman;
	bool remote;
	int control; /* its end of file, or a byte on it, breaks off a request; -1: nobody */
	bool broken_off;
	struct buf tried; /* one line for each host that did not answer */
};

/* Finds a daemon that answers. wanted: --docker-host or NULL. 0 or -errno with err. */
int api_open(struct api *api, const char *wanted, int control, struct err *err);
void api_close(struct api *api);

struct api_answer {
	long status;       /* of HTTP */
	json_t *json;      /* NULL: the body was none */
	char message[256]; /* what the daemon says where the status is 400 or more */
	char digest[65];   /* the last 64 hexadecimal digits in a row in the body; "" where none are
			    */
};

/*
 * One request. body: JSON to send, or NULL. seconds: how long it may take. 0 with the answer,
 * whatever its status; -errno with err if there is none.
 */
int api_call(struct api *api, const char *method, const char *path, const json_t *body,
	long seconds, struct api_answer *ret, struct err *err);
void api_answer_free(struct api_answer *answer);

/* The same with a body that is read as it is sent. */
struct api_upload {
	/* Up to size bytes into data; 0: the end; (size_t)-1: it failed. */
	size_t (*read)(char *data, size_t size, void *context);
	void *context;
};
int api_send(struct api *api, const char *path, const struct api_upload *upload, long seconds,
	struct api_answer *ret, struct err *err);

/* True if pysbx is gone or wants the run ended. */
bool api_is_broken_off(struct api *api);

/*
 * A second connection that has become a stream (attach): curl_easy_send() and _recv() work on it.
 * first: bytes of the stream that came with the answer's head.
 */
CURL *api_stream(struct api *api, const char *path, struct buf *first, struct err *err);

/* An err for an answer that is not what was asked for: "creating the container: TEXT". */
int api_refused(const struct api_answer *answer, const char *what, struct err *err);

#endif
