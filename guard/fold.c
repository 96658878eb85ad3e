/*
 * Constants worked out from the source: the ways in which programs spell a name without writing it.
 *
 * Only what is certain is folded: a name counts when it has one binding, to a constant. Sizes are
 * capped; what would be larger is not known.
 */
#include "guard/fold.h"

#include <stdlib.h>

static struct fold int_of(int64_t number)
{
	return (struct fold){.kind = FOLD_INT, .number = number};
}

bool screen_plain_int(const struct ast_node *node, int64_t *ret)
{
	char digits[32];
	size_t len = 0;
	struct str text;
	int base = 10;

	if (node->kind != AST_Constant || ast_Constant_type(node) != AST_CONST_INT)
		return false;
	text = ast_Constant_value(node);
	if (text.len > 2 && text.ptr[0] == '0') {
		char letter = text.ptr[1] | 0x20;

		base = letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 10;
		if (base != 10)
			text = str_from(text.ptr + 2, text.len - 2);
	}
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '_')
			continue;
		if (len > (base == 2 ? 30u : 15u))
			return false;
		digits[len++] = text.ptr[i];
	}
	digits[len] = '\0';
	*ret = strtoll(digits, NULL, base);
	return true;
}

static struct fold as_text(const struct folder *folder, struct fold value)
{
	char *text;

	if (value.kind == FOLD_STR || value.kind == FOLD_PATH)
		return fold_text_of(FOLD_STR, value.text);
	if (value.kind != FOLD_INT)
		return NOTHING;
	text = arena_printf(folder->screen->arena, "%lld", (long long)value.number);
	return text ? fold_text_of(FOLD_STR, str_of(text)) : NOTHING;
}

static struct fold chr_of(const struct folder *folder, struct fold code)
{
	char *text = code.kind == FOLD_INT ? fold_room(folder->screen, 4) : NULL;
	size_t len = text ? fold_encode(code.number, text) : 0;

	return len ? fold_text_of(FOLD_STR, str_from(text, len)) : NOTHING;
}

/* One step through text: bytes for ASCII; anything else is not taken apart. */
static bool is_ascii(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] >= 0x80)
			return false;
	return true;
}

/* The items of a list, or of a text as a list of one-letter texts. */
static struct fold items_of(const struct folder *folder, struct fold value)
{
	struct fold *items;

	if (value.kind == FOLD_LIST)
		return value;
	if (value.kind != FOLD_BYTES && (value.kind != FOLD_STR || !is_ascii(value.text)))
		return NOTHING;
	if (value.text.len > FOLD_LIST_MAX)
		return NOTHING;
	items = arena_array(folder->screen->arena, value.text.len + 1, sizeof(*items));
	if (!items) {
		folder->screen->failed = true;
		return NOTHING;
	}
	for (size_t i = 0; i < value.text.len; i++)
		items[i] = value.kind == FOLD_BYTES
				   ? int_of((unsigned char)value.text.ptr[i])
				   : fold_text_of(FOLD_STR, str_from(value.text.ptr + i, 1));
	return (struct fold){.kind = FOLD_LIST, .items = items, .count = (uint32_t)value.text.len};
}

static struct fold reversed(const struct folder *folder, struct fold value)
{
	struct fold list = items_of(folder, value);
	struct fold *items;

	if (list.kind != FOLD_LIST)
		return NOTHING;
	items = arena_array(folder->screen->arena, list.count + 1u, sizeof(*items));
	if (!items) {
		folder->screen->failed = true;
		return NOTHING;
	}
	for (uint32_t i = 0; i < list.count; i++)
		items[i] = list.items[list.count - 1 - i];
	return (struct fold){.kind = FOLD_LIST, .items = items, .count = list.count};
}

struct fold fold_join(const struct folder *folder, struct str between, struct fold list)
{
	struct fold all = fold_text_of(FOLD_STR, STR(""));

	list = items_of(folder, list);
	if (list.kind != FOLD_LIST)
		return NOTHING;
	for (uint32_t i = 0; i < list.count && all.kind == FOLD_STR; i++) {
		if (i && between.len)
			all = fold_concat(folder->screen, all, fold_text_of(FOLD_STR, between));
		if (all.kind == FOLD_STR)
			all = fold_concat(folder->screen, all, list.items[i]);
	}
	return all;
}

/* Bytes from a list of numbers, or the other way round. */
static struct fold bytes_from(const struct folder *folder, struct fold list)
{
	char *text;

	if (list.kind == FOLD_BYTES)
		return list;
	if (list.kind != FOLD_LIST)
		return NOTHING;
	text = fold_room(folder->screen, list.count);
	if (!text)
		return NOTHING;
	for (uint32_t i = 0; i < list.count; i++) {
		if (list.items[i].kind != FOLD_INT)
			return NOTHING;
		text[i] = (char)list.items[i].number;
	}
	return fold_text_of(FOLD_BYTES, str_from(text, list.count));
}

/* "%s%c" % (...): conversions without width; anything else is not known. */
static struct fold percent(const struct folder *folder, struct str format, struct fold args)
{
	struct fold all = fold_text_of(FOLD_STR, STR(""));
	uint32_t next = 0;

	for (size_t i = 0; i < format.len && all.kind == FOLD_STR; i++) {
		struct fold piece = fold_text_of(FOLD_STR, str_from(format.ptr + i, 1));

		if (format.ptr[i] == '%') {
			char how = ++i < format.len ? format.ptr[i] : '\0';

			if (how == '%') {
				piece = fold_text_of(FOLD_STR, STR("%"));
			} else {
				piece = args.kind == FOLD_LIST
						? (next < args.count ? args.items[next] : NOTHING)
						: (next ? NOTHING : args);
				next++;
				if (how == 'c' && piece.kind == FOLD_INT)
					piece = chr_of(folder, piece);
				else if (how == 's' || how == 'd' || how == 'c')
					piece = as_text(folder, piece);
				else
					return NOTHING;
			}
		}
		all = fold_concat(folder->screen, all, piece);
	}
	return all;
}

struct fold fold_formatted(const struct folder *folder, struct fold value, struct fold spec)
{
	if (spec.kind != FOLD_STR)
		return NOTHING;
	if (value.kind == FOLD_INT && str_is(spec.text, "c"))
		return chr_of(folder, value);
	if (value.kind == FOLD_INT && spec.text.len)
		return NOTHING;
	return fold_specified(folder->screen, as_text(folder, value), spec.text);
}

static struct fold mapped(
	const struct folder *folder, const struct ast_node *function, struct fold list)
{
	struct fold *items;
	struct str name;

	list = items_of(folder, list);
	if (list.kind != FOLD_LIST || function->kind != AST_Name)
		return NOTHING;
	name = *ast_Name_id(function);
	items = arena_array(folder->screen->arena, list.count + 1u, sizeof(*items));
	if (!items || (!str_is(name, "chr") && !str_is(name, "str")))
		return NOTHING;
	for (uint32_t i = 0; i < list.count; i++) {
		items[i] = *name.ptr == 'c' ? chr_of(folder, list.items[i])
					    : as_text(folder, list.items[i]);
		if (items[i].kind == FOLD_NONE)
			return NOTHING;
	}
	return (struct fold){.kind = FOLD_LIST, .items = items, .count = list.count};
}

static struct fold fold_call(const struct folder *folder, const struct ast_node *call)
{
	const struct ast_node *func = ast_Call_func(call);
	const struct ast_list *args = ast_Call_args(call);
	struct folder next = fold_below(folder);
	struct fold first;
	struct str name;

	if (func->kind == AST_Attribute)
		return fold_method(folder, call);
	if (func->kind != AST_Name || !args->count)
		return NOTHING;
	name = *ast_Name_id(func);
	if (str_is(name, "map") && args->count == 2)
		return mapped(folder, args->items[0], fold_node(&next, args->items[1]));
	first = fold_node(&next, args->items[0]);
	if (str_is(name, "chr"))
		return chr_of(folder, first);
	if (str_is(name, "format"))
		return fold_formatted(folder, first,
			args->count > 1 ? fold_node(&next, args->items[1])
					: fold_text_of(FOLD_STR, STR("")));
	if (str_is(name, "ord") && first.kind != FOLD_NONE && first.text.len == 1)
		return int_of((unsigned char)first.text.ptr[0]);
	if (str_is(name, "reversed"))
		return reversed(folder, first);
	if (str_is(name, "list") || str_is(name, "tuple"))
		return items_of(folder, first);
	if (str_is(name, "str"))
		return first.kind == FOLD_BYTES && args->count > 1
			       ? fold_text_of(FOLD_STR, first.text)
			       : as_text(folder, first);
	if (str_is(name, "bytes") || str_is(name, "bytearray"))
		return first.kind == FOLD_STR ? fold_text_of(FOLD_BYTES, first.text)
					      : bytes_from(folder, first);
	if (str_is(name, "b64decode") || str_is(name, "urlsafe_b64decode"))
		return first.text.ptr ? fold_unbase(folder->screen, first.text, 6) : NOTHING;
	if (str_is(name, "unhexlify"))
		return first.text.ptr ? fold_unhex(folder->screen, first.text) : NOTHING;
	return NOTHING;
}

static struct fold fold_binary(const struct folder *folder, const struct ast_node *node)
{
	struct folder next = fold_below(folder);
	struct fold a = fold_node(&next, ast_BinOp_left(node));
	struct fold b = a.kind ? fold_node(&next, ast_BinOp_right(node)) : NOTHING;
	bool ints = a.kind == FOLD_INT && b.kind == FOLD_INT;

	if (a.kind == FOLD_NONE || b.kind == FOLD_NONE)
		return NOTHING;
	switch (ast_BinOp_op(node)) {
	case AST_OP_Add:
		if (ints && a.number < INT64_MAX / 4 && b.number < INT64_MAX / 4)
			return int_of(a.number + b.number);
		return fold_concat(folder->screen, a, b);
	case AST_OP_Sub:
		return ints && b.number > -(INT64_MAX / 4) && a.number > -(INT64_MAX / 4)
			       ? int_of(a.number - b.number)
			       : NOTHING;
	case AST_OP_BitXor:
		return ints ? int_of(a.number ^ b.number) : NOTHING;
	case AST_OP_BitOr:
		return ints ? int_of(a.number | b.number) : NOTHING;
	case AST_OP_BitAnd:
		return ints ? int_of(a.number & b.number) : NOTHING;
	case AST_OP_RShift:
		return ints && b.number >= 0 && b.number < 63 ? int_of(a.number >> b.number)
							      : NOTHING;
	case AST_OP_FloorDiv:
		return ints && a.number >= 0 && b.number > 0 ? int_of(a.number / b.number)
							     : NOTHING;
	case AST_OP_Mod:
		if (a.kind == FOLD_STR)
			return percent(folder, a.text, b);
		return ints && a.number >= 0 && b.number > 0 ? int_of(a.number % b.number)
							     : NOTHING;
	case AST_OP_Mult:
		if (ints && llabs(a.number) < 1 << 30 && llabs(b.number) < 1 << 30)
			return int_of(a.number * b.number);
		if (a.kind == FOLD_INT) {
			struct fold c = a;

			a = b;
			b = c;
		}
		if (a.kind == FOLD_STR && b.kind == FOLD_INT && b.number >= 0 && b.number <= 64) {
			struct fold all = fold_text_of(FOLD_STR, STR(""));

			for (int64_t i = 0; i < b.number && all.kind == FOLD_STR; i++)
				all = fold_concat(folder->screen, all, a);
			return all;
		}
		return NOTHING;
	default:
		return NOTHING;
	}
}

static struct fold fold_joined(const struct folder *folder, const struct ast_node *node)
{
	const struct ast_list *values = ast_JoinedStr_values(node);
	struct folder next = fold_below(folder);
	struct fold all = fold_text_of(FOLD_STR, STR(""));

	for (uint32_t i = 0; i < values->count && all.kind == FOLD_STR; i++) {
		const struct ast_node *value = values->items[i];
		struct fold piece;

		if (value->kind == AST_FormattedValue) {
			const struct ast_node *spec = ast_FormattedValue_format_spec(value);

			piece = fold_node(&next, ast_FormattedValue_value(value));
			piece = fold_formatted(folder, piece,
				spec ? fold_node(&next, spec) : fold_text_of(FOLD_STR, STR("")));
			if (ast_FormattedValue_conversion(value) > 0 &&
				ast_FormattedValue_conversion(value) != 's')
				piece = NOTHING;
		} else {
			piece = fold_node(&next, value);
		}
		all = fold_concat(folder->screen, all, piece);
	}
	return all;
}

static bool slice_bound(const struct folder *folder, const struct ast_node *node, int64_t *ret)
{
	struct fold value;

	if (!node)
		return true;
	value = fold_node(folder, node);
	*ret = value.number;
	return value.kind == FOLD_INT;
}

static struct fold fold_slice(
	const struct folder *folder, struct fold value, const struct ast_node *slice)
{
	bool text = value.kind != FOLD_LIST;
	int64_t count, step = 1, from, to;
	struct fold list = items_of(folder, value);
	struct fold *items;
	uint32_t used = 0;

	if (list.kind != FOLD_LIST || !slice_bound(folder, ast_Slice_step(slice), &step) || !step)
		return NOTHING;
	count = list.count;
	from = step > 0 ? 0 : count - 1;
	to = step > 0 ? count : -1;
	if (ast_Slice_lower(slice)) {
		if (!slice_bound(folder, ast_Slice_lower(slice), &from))
			return NOTHING;
		from = from < 0 ? from + count : from;
	}
	if (ast_Slice_upper(slice)) {
		if (!slice_bound(folder, ast_Slice_upper(slice), &to))
			return NOTHING;
		to = to < 0 ? to + count : to;
	}
	if (step > 0) {
		from = from < 0 ? 0 : from;
		to = to > count ? count : to;
	} else {
		from = from >= count ? count - 1 : from;
		to = to < -1 ? -1 : to;
	}
	if (step > FOLD_LIST_MAX || step < -FOLD_LIST_MAX)
		return NOTHING;
	items = arena_array(folder->screen->arena, list.count + 1u, sizeof(*items));
	if (!items)
		return NOTHING;
	for (int64_t i = from; step > 0 ? i < to : i > to; i += step)
		items[used++] = list.items[i];
	list = (struct fold){.kind = FOLD_LIST, .items = items, .count = used};
	if (!text)
		return list;
	return value.kind == FOLD_STR ? fold_join(folder, STR(""), list) : bytes_from(folder, list);
}

static struct fold fold_subscript(const struct folder *folder, const struct ast_node *node)
{
	struct folder next = fold_below(folder);
	const struct ast_node *slice = ast_Subscript_slice(node);
	const struct ast_node *base = ast_Subscript_value(node);
	struct fold value, index;

	if (base->kind == AST_Dict) {
		const struct ast_list *keys = ast_Dict_keys(base);

		index = fold_node(&next, slice);
		for (uint32_t i = 0; i < keys->count && i < 64 && index.kind; i++) {
			struct fold key =
				keys->items[i] ? fold_node(&next, keys->items[i]) : NOTHING;

			if (key.kind == index.kind && key.number == index.number &&
				str_eq(key.text, index.text))
				return fold_node(&next, ast_Dict_values(base)->items[i]);
		}
		return NOTHING;
	}
	value = fold_node(&next, base);
	if (value.kind == FOLD_NONE || value.kind == FOLD_INT)
		return NOTHING;
	if (slice->kind == AST_Slice)
		return fold_slice(&next, value, slice);
	index = fold_node(&next, slice);
	value = items_of(folder, value);
	if (index.kind != FOLD_INT || value.kind != FOLD_LIST)
		return NOTHING;
	if (index.number < 0)
		index.number += value.count;
	return index.number >= 0 && index.number < value.count ? value.items[index.number]
							       : NOTHING;
}

static struct fold fold_list(const struct folder *folder, const struct ast_list *elts)
{
	struct folder next = fold_below(folder);
	struct fold *items;

	if (elts->count > FOLD_LIST_MAX)
		return NOTHING;
	items = arena_array(folder->screen->arena, elts->count + 1u, sizeof(*items));
	if (!items) {
		folder->screen->failed = true;
		return NOTHING;
	}
	for (uint32_t i = 0; i < elts->count; i++) {
		items[i] = fold_node(&next, elts->items[i]);
		if (items[i].kind == FOLD_NONE)
			return NOTHING;
	}
	return (struct fold){.kind = FOLD_LIST, .items = items, .count = elts->count};
}

/* [f(x) for x in constants], one generator, no conditions. */
static struct fold fold_comprehension(
	const struct folder *folder, const struct ast_node *elt, const struct ast_list *generators)
{
	const struct ast_node *loop = generators->items[0];
	const struct ast_node *target = ast_comprehension_target(loop);
	struct folder next = fold_below(folder);
	struct env env;
	struct fold list;
	struct fold *items;

	if (generators->count != 1 || ast_comprehension_ifs(loop)->count ||
		target->kind != AST_Name || folder->env)
		return NOTHING;
	list = items_of(folder, fold_node(&next, ast_comprehension_iter(loop)));
	if (list.kind != FOLD_LIST)
		return NOTHING;
	items = arena_array(folder->screen->arena, list.count + 1u, sizeof(*items));
	if (!items)
		return NOTHING;
	next.env = &env;
	env.name = ast_Name_id(target);
	for (uint32_t i = 0; i < list.count; i++) {
		env.value = list.items[i];
		items[i] = fold_node(&next, elt);
		if (items[i].kind == FOLD_NONE)
			return NOTHING;
	}
	return (struct fold){.kind = FOLD_LIST, .items = items, .count = list.count};
}

static struct fold fold_name(const struct folder *folder, const struct ast_node *node)
{
	struct folder next = fold_below(folder);
	struct resolution found;
	const struct binding *binding;

	if (folder->env && str_eq(*folder->env->name, *ast_Name_id(node)))
		return folder->env->value;
	found = names_resolve(
		&folder->screen->names, folder->scope, ast_Name_id(node), node->start);
	if (found.count != 1 || found.symbols[0]->count != 1)
		return NOTHING;
	binding = found.symbols[0]->bindings;
	if (binding->kind != BIND_VALUE)
		return NOTHING;
	next.scope = binding->scope;
	next.env = NULL;
	return fold_node(&next, binding->node);
}

static struct fold fold_plain(const struct folder *folder, const struct ast_node *node)
{
	struct folder next = fold_below(folder);
	struct fold value;
	int64_t number;

	switch (node->kind) {
	case AST_Constant:
		if (ast_is_str(node))
			return ast_Constant_value(node).len <= FOLD_TEXT_MAX
				       ? fold_text_of(FOLD_STR, ast_Constant_value(node))
				       : NOTHING;
		if (ast_Constant_type(node) == AST_CONST_BYTES)
			return ast_Constant_value(node).len <= FOLD_TEXT_MAX
				       ? fold_text_of(FOLD_BYTES, ast_Constant_value(node))
				       : NOTHING;
		return screen_plain_int(node, &number) ? int_of(number) : NOTHING;
	case AST_Name:
		return fold_name(folder, node);
	case AST_BinOp:
		return fold_binary(folder, node);
	case AST_UnaryOp:
		value = fold_node(&next, ast_UnaryOp_operand(node));
		if (value.kind != FOLD_INT)
			return NOTHING;
		if (ast_UnaryOp_op(node) == AST_OP_USub)
			return int_of(-value.number);
		return ast_UnaryOp_op(node) == AST_OP_Invert ? int_of(~value.number) : NOTHING;
	case AST_JoinedStr:
		return fold_joined(folder, node);
	case AST_Call:
		return fold_call(folder, node);
	case AST_Subscript:
		return fold_subscript(folder, node);
	case AST_List:
		return fold_list(folder, ast_List_elts(node));
	case AST_Tuple:
		return fold_list(folder, ast_Tuple_elts(node));
	case AST_ListComp:
		return fold_comprehension(
			folder, ast_ListComp_elt(node), ast_ListComp_generators(node));
	case AST_GeneratorExp:
		return fold_comprehension(
			folder, ast_GeneratorExp_elt(node), ast_GeneratorExp_generators(node));
	case AST_NamedExpr:
		return fold_node(&next, ast_NamedExpr_value(node));
	default:
		return NOTHING;
	}
}

struct fold fold_node(const struct folder *folder, const struct ast_node *node)
{
	struct fold value;

	if (folder->depth == 0 || !folder->screen->budget)
		return NOTHING;
	folder->screen->budget--;
	value = fold_plain(folder, node);
	if (value.kind == FOLD_NONE && folder->screen->names.has_paths)
		value = fold_path(folder, node);
	return value;
}

struct fold screen_fold(struct screen *screen, uint32_t scope, const struct ast_node *node)
{
	struct folder folder = {.screen = screen, .scope = scope, .depth = FOLD_DEPTH};

	return fold_node(&folder, node);
}

uint32_t screen_fold_each(struct screen *screen, uint32_t scope, const struct ast_node *node,
	struct fold *ret, uint32_t max)
{
	struct resolution found;
	struct fold list;

	ret[0] = screen_fold(screen, scope, node);
	if (ret[0].kind != FOLD_NONE)
		return 1;
	if (node->kind == AST_IfExp && max >= 2) {
		ret[0] = screen_fold(screen, scope, ast_IfExp_body(node));
		ret[1] = screen_fold(screen, scope, ast_IfExp_orelse(node));
		return ret[0].kind && ret[1].kind ? 2 : 0;
	}
	if (node->kind != AST_Name)
		return 0;
	found = names_resolve(&screen->names, scope, ast_Name_id(node), node->start);
	if (found.count != 1 || found.symbols[0]->count != 1)
		return 0;
	if (found.symbols[0]->bindings->kind == BIND_VALUE &&
		found.symbols[0]->bindings->node->kind == AST_IfExp)
		return screen_fold_each(screen, found.symbols[0]->bindings->scope,
			found.symbols[0]->bindings->node, ret, max);
	if (found.symbols[0]->bindings->kind != BIND_EACH)
		return 0;
	list = screen_fold(
		screen, found.symbols[0]->bindings->scope, found.symbols[0]->bindings->node);
	if (list.kind != FOLD_LIST || list.count > max)
		return 0;
	for (uint32_t i = 0; i < list.count; i++)
		ret[i] = list.items[i];
	return list.count;
}
