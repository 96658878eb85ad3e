/*
 * Fuzz target of the parser: any bytes for any version, parsed, walked and printed.
 * The first byte chooses the version. A broken promise of the headers aborts.
 */

#include "base/buf.h"
#include "parser/compile_errors.h"
#include "parser/dump.h"
#include "parser/parser.h"
#include "parser/walk.h"
#include "tests/fuzz/target.h"

#define ARENA_MAX  ((size_t)256 << 20)
#define OUTPUT_MAX ((size_t)1 << 30)

static void check_list(const struct ast_node *node, const struct ast_list *list)
{
	uint32_t i;

	promise(list, "a list is never NULL");
	for (i = 0; i < list->count; i++) {
		if (list->items[i])
			promise(list->items[i]->height < node->height, "a child is lower");
		else
			promise(node->kind == AST_Dict || node->kind == AST_arguments,
				"only dict keys and defaults may be missing");
	}
}

static void check_field(const struct ast_node *node, const struct ast_field *field)
{
	const union ast_slot *slot = &node->slots[field->slot];

	switch (field->type) {
	case AST_FIELD_NODE:
		promise(slot->node, "a required child is there");
		promise(slot->node->height < node->height, "a child is lower");
		break;
	case AST_FIELD_LIST:
		check_list(node, slot->list);
		break;
	case AST_FIELD_NAME:
		promise(slot->name, "a required name is there");
		break;
	case AST_FIELD_NAMES:
		promise(slot->names, "names are never NULL");
		break;
	case AST_FIELD_OPS:
		promise(slot->ops->count == ast_Compare_comparators(node)->count,
			"an operator for each comparator");
		break;
	default:
		break;
	}
}

static void check_node(const struct source *source, const struct ast_node *node)
{
	const struct ast_class *class = &ast_classes[node->kind];
	unsigned i;

	promise(node->kind < AST_KIND_COUNT, "a kind is known");
	promise(class->since <= source->minor, "a class is one of the version");
	promise(node->start <= node->end && node->end <= source->text.len, "a span is in the text");
	promise(node->height >= 1 && node->height <= AST_MAX_HEIGHT, "a height is bounded");
	for (i = 0; i < class->field_count; i++)
		check_field(node, &class->fields[i]);
}

static void walk_tree(const struct source *source, const struct ast_node *root)
{
	cleanup_ast_walk struct ast_walk walk;
	enum ast_walk_event event;
	size_t entered = 0, left = 0;
	uint32_t index;

	if (ast_walk_init(&walk, root) < 0)
		return;
	while ((event = ast_walk_next(&walk)) != AST_WALK_END) {
		if (event == AST_WALK_LEAVE) {
			left++;
			continue;
		}
		entered++;
		check_node(source, walk.node);
		promise((ast_walk_field(&walk, &index) < 0) == (walk.node == root),
			"all but the root stand in a field");
	}
	promise(entered == left && entered > 0, "what is entered is left");
}

static int take(void *context, struct str bytes)
{
	struct buf *out = context;

	return buf_add_str(out, bytes) ? 0 : -1;
}

static void print_tree(const struct source *source, const struct ast_node *root)
{
	cleanup_buf struct buf json = BUF_INIT(OUTPUT_MAX), text = BUF_INIT(OUTPUT_MAX);
	const struct dump_sink json_sink = {take, &json}, text_sink = {take, &text};

	if (dump_json(source, root, &json_sink) == 0) {
		promise(json.len > 2 && json.data[0] == '{' && json.data[json.len - 1] == '}',
			"a tree is one object");
		promise(!memchr(json.data, '\n', json.len), "JSON is one line");
	}
	if (dump_text(source, root, &text_sink) == 0)
		promise(text.data[text.len - 1] == '\n', "text ends with a line");
}

/* Without a doubt there is nothing to find, and without looking nothing is found. */
static void check_doubt(const struct source *source, struct parse_result *tree)
{
	struct compile_error_list advised, looked;

	if (tree->doubtful || compile_errors_find(source, tree, &advised) < 0)
		return;
	tree->doubtful = true;
	if (compile_errors_find(source, tree, &looked) == 0)
		promise(looked.count == advised.count, "what may be refused is in doubt");
	tree->doubtful = false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_arena struct arena *arena = arena_new(ARENA_MAX);
	struct parse_result result;
	struct source source;
	struct diag diag = {0};
	uint8_t minor;

	if (!arena || size == 0)
		return 0;
	minor = (uint8_t)(8 + data[0] % 7);
	if (source_init(&source, arena, STR("fuzz"), str_from((const char *)data + 1, size - 1),
		    minor, &diag) < 0)
		return 0;
	if (parser_parse(&source, &result) < 0)
		return 0;
	promise(!result.module == !!result.error.message, "a tree or an error");
	if (result.module) {
		walk_tree(&source, result.module);
		check_doubt(&source, &result);
		print_tree(&source, result.module);
	} else {
		promise(result.error.line >= 1, "lines count from 1");
	}
	return 0;
}
