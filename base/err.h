/*
 * How a failure of the system travels: a function returns a negative errno value and has filled
 * struct err once; each caller on the way up adds its own noun in front ("creating cgroup: ...").
 * What is wrong with the user's Python or policy is data (findings), not an error, and never
 * travels this way. Libraries never print and never exit.
 */
#ifndef PYSBX_BASE_ERR_H
#define PYSBX_BASE_ERR_H

#define ERR_TEXT_MAX   640
#define ERR_REMEDY_MAX 768

struct err {
	int code;                    /* a positive errno value; 0: no error */
	char text[ERR_TEXT_MAX];     /* one line for a person, truncated to fit */
	char remedy[ERR_REMEDY_MAX]; /* what to do about it; empty where nothing is known */
};

/* Fills err (which may be NULL) and returns -code. code 0 is taken as EIO: an error is never 0. */
int err_set(struct err *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The same with errno as the code and ": " and its text appended. */
int err_errno(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts "noun: " in front of the text; returns -err->code, for `return err_wrap(...)`. */
int err_wrap(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Says what to do about it. */
void err_remedy(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
