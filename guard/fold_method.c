/*
 * Constant folding of method calls: text.join(), bytes.fromhex(), base64.b64decode() and their
 * like. One table says what each name does. What object a decoder's name is taken from does not
 * matter: folding too much of what is never looked at costs nothing.
 */
#include <string.h>

#include "guard/fold.h"

/* A call that is being worked out. */
struct method_call {
	const struct folder *folder;
	const struct ast_node *node;
	struct fold value; /* before the dot */
	struct fold first, second;
	char how; /* of the row that was found */
};

/* "{}{0}{name}".format(...) with plain fields. */
static struct fold format(const struct folder *folder, struct str text, const struct ast_node *call)
{
	struct fold all = fold_text_of(FOLD_STR, STR(""));
	const struct ast_list *args = ast_Call_args(call), *keywords = ast_Call_keywords(call);
	struct folder next = fold_below(folder);
	uint32_t automatic = 0;

	for (size_t i = 0; i < text.len && all.kind == FOLD_STR; i++) {
		const char *end, *colon;
		struct str field, spec;
		struct fold piece = NOTHING;

		if (text.ptr[i] != '{' && text.ptr[i] != '}') {
			all = fold_concat(folder->screen, all,
				fold_text_of(FOLD_STR, str_from(text.ptr + i, 1)));
			continue;
		}
		if (i + 1 < text.len && text.ptr[i + 1] == text.ptr[i]) {
			all = fold_concat(folder->screen, all,
				fold_text_of(FOLD_STR, str_from(text.ptr + i++, 1)));
			continue;
		}
		end = memchr(text.ptr + i, '}', text.len - i);
		if (!end)
			return NOTHING;
		field = str_from(text.ptr + i + 1, (size_t)(end - text.ptr) - i - 1);
		i = (size_t)(end - text.ptr);
		spec = STR("");
		colon = memchr(field.ptr, ':', field.len);
		if (colon) {
			spec = str_from(colon + 1, field.len - (size_t)(colon + 1 - field.ptr));
			field.len = (size_t)(colon - field.ptr);
		}
		if (field.len > 1 && str_eq(str_from(field.ptr + field.len - 2, 2), STR("!s")))
			field.len -= 2;
		if (!field.len && automatic < args->count)
			piece = fold_node(&next, args->items[automatic++]);
		else if (field.len == 1 && field.ptr[0] >= '0' && field.ptr[0] <= '9' &&
			 (uint32_t)(field.ptr[0] - '0') < args->count)
			piece = fold_node(&next, args->items[field.ptr[0] - '0']);
		for (uint32_t k = 0; k < keywords->count; k++)
			if (ast_keyword_arg(keywords->items[k]) &&
				str_eq(*ast_keyword_arg(keywords->items[k]), field))
				piece = fold_node(&next, ast_keyword_value(keywords->items[k]));
		all = fold_concat(folder->screen, all,
			fold_formatted(folder, piece, fold_text_of(FOLD_STR, spec)));
	}
	return all;
}

/* how: bits of each digit, '4' hexadecimal. */
static struct fold decoded(const struct method_call *call)
{
	if (call->first.kind != FOLD_STR && call->first.kind != FOLD_BYTES)
		return NOTHING;
	return call->how == '4'
		       ? fold_unhex(call->folder->screen, call->first.text)
		       : fold_unbase(call->folder->screen, call->first.text, call->how - '0');
}

/* codecs.decode("...", "rot13") */
static struct fold codec(const struct method_call *call)
{
	struct screen *screen = call->folder->screen;
	struct str text = call->first.text, name = call->second.text;

	if (call->second.kind != FOLD_STR ||
		(call->first.kind != FOLD_STR && call->first.kind != FOLD_BYTES))
		return NOTHING;
	if (str_starts(name, STR("rot")))
		return fold_rot13(screen, text);
	if (str_starts(name, STR("hex")))
		return fold_unhex(screen, text);
	if (str_starts(name, STR("base64")))
		return fold_unbase(screen, text, 6);
	return fold_text_of(FOLD_STR, text);
}

/* how: 'd' decode, 'e' encode. */
static struct fold coded(const struct method_call *call)
{
	if (call->first.kind == FOLD_STR && str_starts(call->first.text, STR("rot")))
		return fold_rot13(call->folder->screen, call->value.text);
	return fold_text_of(call->how == 'd' ? FOLD_STR : FOLD_BYTES, call->value.text);
}

/* (97).to_bytes(1, "big") */
static struct fold number_bytes(const struct method_call *call)
{
	const int64_t len = call->first.number;
	bool little = call->second.kind == FOLD_STR && str_is(call->second.text, "little");
	char *text;

	if (call->first.kind != FOLD_INT || len <= 0 || len > 8)
		return NOTHING;
	text = fold_room(call->folder->screen, 8);
	for (int64_t i = 0; text && i < len; i++)
		text[little ? i : len - 1 - i] = (char)(call->value.number >> (8 * i));
	return text ? fold_text_of(FOLD_BYTES, str_from(text, (size_t)len)) : NOTHING;
}

static struct fold joined(const struct method_call *call)
{
	if (ast_Call_args(call->node)->count != 1)
		return NOTHING;
	return fold_join(call->folder, call->value.text, call->first);
}

/* how: as fold_changed_case() reads it. */
static struct fold cased(const struct method_call *call)
{
	return fold_changed_case(call->folder->screen, call->value, call->how);
}

/* how: as fold_stripped() reads it. */
static struct fold stripped(const struct method_call *call)
{
	return fold_stripped(call->value, call->first, call->how);
}

/* how: as fold_aligned() reads it. */
static struct fold aligned(const struct method_call *call)
{
	bool filled = call->second.kind == call->value.kind && call->second.text.len == 1;

	if (call->first.kind != FOLD_INT)
		return NOTHING;
	return fold_aligned(call->folder->screen, call->value, call->first.number,
		filled ? *call->second.text.ptr : ' ', call->how);
}

static struct fold replaced(const struct method_call *call)
{
	return fold_replaced(call->folder->screen, call->value, call->first, call->second);
}

static struct fold split(const struct method_call *call)
{
	return fold_split(call->folder->screen, call->value, call->first);
}

static struct fold formatted(const struct method_call *call)
{
	return call->value.kind == FOLD_STR ? format(call->folder, call->value.text, call->node)
					    : NOTHING;
}

/* how: 'p' removeprefix, 's' removesuffix. */
static struct fold shortened(const struct method_call *call)
{
	struct str whole = call->value.text, part = call->first.text, rest;
	const char *at;

	if (call->first.kind != call->value.kind || part.len > whole.len)
		return NOTHING;
	rest = str_from(call->how == 'p' ? whole.ptr + part.len : whole.ptr, whole.len - part.len);
	at = call->how == 'p' ? whole.ptr : whole.ptr + rest.len;
	return memcmp(at, part.ptr ? part.ptr : "", part.len) == 0
		       ? fold_text_of(call->value.kind, rest)
		       : call->value;
}

/* What stands before the dot. */
enum receiver {
	ANYTHING, /* it is not looked at */
	UNKNOWN,  /* what could not be folded: a module */
	NUMBER,
	TEXT, /* or bytes */
};

static const struct method {
	const char *name;
	enum receiver receiver;
	char how;
	struct fold (*fold)(const struct method_call *call);
} methods[] = {
	{"fromhex", ANYTHING, '4', decoded},
	{"unhexlify", ANYTHING, '4', decoded},
	{"a2b_hex", ANYTHING, '4', decoded},
	{"b16decode", ANYTHING, '4', decoded},
	{"b32decode", ANYTHING, '5', decoded},
	{"b64decode", ANYTHING, '6', decoded},
	{"urlsafe_b64decode", ANYTHING, '6', decoded},
	{"standard_b64decode", ANYTHING, '6', decoded},
	{"a2b_base64", ANYTHING, '6', decoded},
	{"decode", UNKNOWN, 0, codec},
	{"to_bytes", NUMBER, 0, number_bytes},
	{"join", TEXT, 0, joined},
	{"decode", TEXT, 'd', coded},
	{"encode", TEXT, 'e', coded},
	{"lower", TEXT, 'l', cased},
	{"casefold", TEXT, 'l', cased},
	{"upper", TEXT, 'u', cased},
	{"title", TEXT, 't', cased},
	{"capitalize", TEXT, 'c', cased},
	{"swapcase", TEXT, 's', cased},
	{"strip", TEXT, 's', stripped},
	{"lstrip", TEXT, 'l', stripped},
	{"rstrip", TEXT, 'r', stripped},
	{"center", TEXT, 'c', aligned},
	{"ljust", TEXT, '<', aligned},
	{"rjust", TEXT, '>', aligned},
	{"replace", TEXT, 0, replaced},
	{"split", TEXT, 0, split},
	{"format", TEXT, 0, formatted},
	{"removeprefix", TEXT, 'p', shortened},
	{"removesuffix", TEXT, 's', shortened},
};

static enum receiver receiver_of(struct fold value)
{
	switch (value.kind) {
	case FOLD_NONE:
		return UNKNOWN;
	case FOLD_INT:
		return NUMBER;
	case FOLD_STR:
	case FOLD_BYTES:
		return TEXT;
	default:
		return ANYTHING;
	}
}

static const struct method *find(struct str name, enum receiver receiver)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (methods[i].receiver == receiver && str_is(name, methods[i].name))
			return &methods[i];
	return NULL;
}

struct fold fold_method(const struct folder *folder, const struct ast_node *node)
{
	const struct ast_node *func = ast_Call_func(node);
	struct str name = *ast_Attribute_attr(func);
	const struct ast_list *args = ast_Call_args(node);
	const struct method *method = find(name, ANYTHING);
	struct folder next = fold_below(folder);
	struct method_call call = {.folder = folder, .node = node};

	if (!method) {
		call.value = fold_node(&next, ast_Attribute_value(func));
		if (receiver_of(call.value) != ANYTHING)
			method = find(name, receiver_of(call.value));
	}
	if (!method)
		return NOTHING;
	if (args->count)
		call.first = fold_node(&next, args->items[0]);
	if (args->count > 1 && method->receiver != ANYTHING)
		call.second = fold_node(&next, args->items[1]);
	call.how = method->how;
	return method->fold(&call);
}
