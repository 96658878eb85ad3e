/* docker/run.h: the life of one container. */
#include "docker/run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

#define CREATE_SECONDS 60
#define START_SECONDS  60
#define WAIT_SECONDS   15
#define END_SECONDS    30

struct life {
	struct api *api;
	char id[80];
	char profile[64]; /* a file that podman reads the filter from; "" where there is none */
	bool created;
	bool started;
};

void say(const char *word, const char *format, ...)
{
	char line[2048], text[1900];
	va_list args;
	int len;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	for (char *at = text; *at; at++)
		if ((unsigned char)*at < ' ' || *at == 127)
			*at = ' ';
	len = snprintf(line, sizeof(line), "%s %s\n", word, text);
	(void)!fd_write_all(FD_CONTROL, line, (size_t)len);
}

void say_err(const char *word, const struct err *err)
{
	say(word, "%s", err->text);
	if (err->remedy[0])
		say("remedy", "%s", err->remedy);
}

/* Asks the daemon whether it has the runtime; a name that is unknown is not left to chance. */
static int check_runtime(struct api *api, const char *runtime, struct err *err)
{
	struct api_answer answer;
	const json_t *found;
	int code;

	if (!runtime)
		return 0;
	code = api_call(api, "GET", "/info", NULL, END_SECONDS, &answer, err);
	if (code < 0)
		return code;
	found = json_object_get(json_object_get(answer.json, "Runtimes"), runtime);
	if (!found) {
		code = err_set(
			err, ENOTSUP, "--docker-runtime %s: the daemon does not have it", runtime);
		err_remedy(err, "have it added to the daemon's configuration (\"runtimes\" in "
				"daemon.json)");
	}
	api_answer_free(&answer);
	return code;
}

/* podman's service takes "seccomp=" for a file's name: it runs here, and can read it. */
static int write_profile(struct life *life, json_t *plan, struct err *err)
{
	char *text;
	int fd, code;

	if (!life->api->podman)
		return 0;
	text = json_dumps(json_object_get(plan, "seccomp"), JSON_COMPACT);
	snprintf(life->profile, sizeof(life->profile), "/tmp/pysbx-filter-XXXXXX");
	fd = text ? mkostemp(life->profile, O_CLOEXEC) : -1;
	if (fd < 0) {
		free(text);
		life->profile[0] = '\0';
		return err_errno(err, "/tmp");
	}
	/* The service may be another user's. */
	fchmod(fd, 0644);
	code = fd_write_all(fd, text, strlen(text));
	fd_close(&fd);
	free(text);
	json_object_set_new(plan, "seccomp_file", json_string(life->profile));
	return code < 0 ? err_set(err, -code, "%s: %s", life->profile, strerror(-code)) : 0;
}

static void explain_create(const struct api_answer *answer, const json_t *plan, struct err *err)
{
	const char *image = json_string_value(json_object_get(plan, "image"));

	if (answer->status != 404)
		return;
	/* pysbx makes its own anew. */
	if (json_object_get(plan, "record"))
		say("no-image", "%s", image);
	err_set(err, ENOENT, "the daemon has no image %s", image);
	err_remedy(err, "`pysbx image make` makes one; nothing is ever pulled");
}

/* Without an image that was named: the one recorded for this daemon. */
static int choose_image(struct life *life, json_t *plan, struct err *err)
{
	const char *record = json_string_value(json_object_get(plan, "record"));
	char id[128], python[256];

	if (!record)
		return 0;
	if (!image_recorded(record, life->api->host, id, python)) {
		say("no-image", "none is recorded");
		return err_set(err, ENOENT, "no image is recorded for %s", life->api->host);
	}
	json_object_set_new(plan, "image", json_string(id));
	json_object_set_new(plan, "python", json_string(python));
	return 0;
}

static int create(struct life *life, json_t *plan, struct err *err)
{
	json_t *config = NULL;
	struct api_answer answer = {0};
	const char *id;
	const json_t *warning;
	size_t i;
	int code = choose_image(life, plan, err);

	if (code == 0)
		code = write_profile(life, plan, err);

	if (code == 0) {
		config = container_config(plan, err);
		code = config ? api_call(life->api, "POST", "/containers/create", config,
					CREATE_SECONDS, &answer, err)
			      : -EINVAL;
	}
	json_decref(config);
	if (code < 0)
		return code;
	id = json_string_value(json_object_get(answer.json, "Id"));
	if (answer.status != 201 || !id || strlen(id) >= sizeof(life->id) ||
		strspn(id, "0123456789abcdef") != strlen(id)) {
		code = api_refused(&answer, "making the container", err);
		explain_create(&answer, plan, err);
	} else {
		snprintf(life->id, sizeof(life->id), "%s", id);
		life->created = true;
		json_array_foreach(json_object_get(answer.json, "Warnings"), i, warning)
			say("warning", "%s", json_string_value(warning));
	}
	api_answer_free(&answer);
	return code;
}

/* A request about the container that answers with one of two statuses. */
static int ask(struct life *life, const char *method, const char *what, const char *query,
	long seconds, struct api_answer *ret, struct err *err)
{
	char path[200];

	snprintf(path, sizeof(path), "/containers/%s%s%s", life->id, what, query);
	return api_call(life->api, method, path, NULL, seconds, ret, err);
}

static int start(struct life *life, struct err *err)
{
	struct api_answer answer;
	int code = ask(life, "POST", "/start", "", START_SECONDS, &answer, err);

	if (code < 0)
		return code;
	if (answer.status != 204)
		code = api_refused(&answer, "starting the container", err);
	api_answer_free(&answer);
	life->started = code == 0;
	return code;
}

static void kill_it(void *context)
{
	struct life *life = context;
	struct api_answer answer;
	struct err ignored;

	/* From here on nobody breaks anything off: what follows only ends it. */
	life->api->control = -1;
	life->api->broken_off = false;
	if (ask(life, "POST", "/kill", "?signal=KILL", END_SECONDS, &answer, &ignored) == 0)
		api_answer_free(&answer);
}

static int wait_for_end(struct life *life, struct err *err)
{
	struct api_answer answer;
	int code = ask(life, "POST", "/wait", "", WAIT_SECONDS, &answer, err);

	if (code < 0)
		return code;
	if (answer.status != 200)
		code = api_refused(&answer, "waiting for the container", err);
	api_answer_free(&answer);
	return code;
}

static int inspect(struct life *life, struct err *err)
{
	struct api_answer answer;
	const json_t *state;
	int code = ask(life, "GET", "/json", "", END_SECONDS, &answer, err);

	if (code < 0)
		return code;
	state = json_object_get(answer.json, "State");
	if (answer.status != 200 || !state)
		code = api_refused(&answer, "inspecting the container", err);
	else
		say("ended", "%lld %d",
			(long long)json_integer_value(json_object_get(state, "ExitCode")),
			json_is_true(json_object_get(state, "OOMKilled")));
	api_answer_free(&answer);
	return code;
}

static int remove_it(struct life *life, struct err *err)
{
	struct api_answer answer;
	int code = ask(life, "DELETE", "", "?force=1&v=1", END_SECONDS, &answer, err);

	if (code < 0)
		return code;
	if (answer.status != 204 && answer.status != 200 && answer.status != 404)
		code = api_refused(&answer, "removing the container", err);
	api_answer_free(&answer);
	return code;
}

/* From the attached stream to its end. */
static int serve(struct life *life, struct err *err)
{
	cleanup_buf struct buf first = BUF_INIT(65536);
	char path[200];
	CURL *stream;
	int code;

	snprintf(path, sizeof(path), "/containers/%s/attach?stream=1&stdin=1&stdout=1&stderr=1",
		life->id);
	stream = api_stream(life->api, path, &first, err);
	if (!stream)
		return -err->code;
	code = start(life, err);
	if (code == 0) {
		say("started", "%s", life->id);
		/* While the container's init begins there is nothing else to do. */
		sweep(life->api);
		code = attach_pump(life->api, stream, &first, kill_it, life, err);
	}
	curl_easy_cleanup(stream);
	return code;
}

void run_container(struct api *api, const json_t *given)
{
	json_t *plan = json_copy((json_t *)given);
	struct life life = {.api = api};
	struct err err = {0}, end_err = {0};
	int code = check_runtime(api, json_string_value(json_object_get(plan, "runtime")), &err);

	if (code == 0)
		code = create(&life, plan, &err);
	if (code == 0)
		code = serve(&life, &err);
	if (code < 0)
		say_err(life.started ? "broken" : "failed", &err);
	/* Nobody may break off the end of it. */
	api->control = -1;
	api->broken_off = false;
	if (code < 0 && life.started)
		kill_it(&life);
	/* The streams end here for pysbx too. */
	if (life.started && (wait_for_end(&life, &end_err) < 0 || inspect(&life, &end_err) < 0))
		say_err("broken", &end_err);
	if (life.created && remove_it(&life, &end_err) < 0)
		say("left", "%s: %s", life.id, end_err.text);
	if (life.profile[0])
		unlink(life.profile);
	json_decref(plan);
}
