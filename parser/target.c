/* What may be assigned to: expressions turned into targets. */
#include "parser/internal.h"

/* The words CPython uses for an expression that cannot be a target. */
const char *expression_noun(const struct parser *parser, const struct ast_node *node)
{
	const bool old = parser->minor < 10;

	switch (node->kind) {
	case AST_Call:
		return "function call";
	case AST_BoolOp:
	case AST_BinOp:
	case AST_UnaryOp:
		return old ? "operator" : "expression";
	case AST_GeneratorExp:
		return "generator expression";
	case AST_Yield:
	case AST_YieldFrom:
		return "yield expression";
	case AST_Await:
		return "await expression";
	case AST_ListComp:
		return "list comprehension";
	case AST_SetComp:
		return "set comprehension";
	case AST_DictComp:
		return "dict comprehension";
	case AST_Dict:
		return old ? "dict display" : "dict literal";
	case AST_Set:
		return "set display";
	case AST_JoinedStr:
	case AST_FormattedValue:
		return "f-string expression";
	case AST_TemplateStr:
	case AST_Interpolation:
		return "t-string expression";
	case AST_Constant:
		return node->op == AST_CONST_NONE       ? "None"
		       : node->op == AST_CONST_FALSE    ? "False"
		       : node->op == AST_CONST_TRUE     ? "True"
		       : node->op != AST_CONST_ELLIPSIS ? "literal"
		       : old                            ? "Ellipsis"
							: "ellipsis";
	case AST_Compare:
		return "comparison";
	case AST_IfExp:
		return "conditional expression";
	case AST_NamedExpr:
		return "named expression";
	case AST_Lambda:
		return "lambda";
	case AST_Tuple:
		return "tuple";
	case AST_List:
		return "list";
	case AST_Starred:
		return "starred";
	case AST_Name:
		return "name";
	case AST_Attribute:
		return "attribute";
	case AST_Subscript:
		return "subscript";
	default:
		return "expression";
	}
}

/*
 * invalid_named_expression: a whole target with an expression behind its '=', where '==' was meant.
 * Whether a message was given.
 */
static bool guess_equal(struct parser *parser, const struct ast_node *node)
{
	const struct token *equal = parser->token;

	if (equal->kind != TOK_EQUAL || parser->minor < 10 || parser->guessing ||
		node->kind == AST_Starred ||
		!check_equal(parser, (struct ast_node *)(uintptr_t)node))
		return parser->failed;
	return false;
}

static bool refuse(
	struct parser *parser, const struct ast_node *node, enum target_rule rule, bool whole)
{
	const char *noun = expression_noun(parser, node);
	const bool yields = node->kind == AST_Yield || node->kind == AST_YieldFrom;

	if (yields && (parser->minor < 9 || peek(parser) == TOK_EQUAL))
		parser_fail_node(parser, node, "assignment to yield expression not possible");
	else if (rule == TARGET_DEL)
		parser_fail_node(parser, node, "cannot delete %s", noun);
	else if (!whole || rule == TARGET_NEXT || !guess_equal(parser, node))
		parser_fail_node(parser, node, "cannot assign to %s", noun);
	return false;
}

static bool make_part(
	struct parser *parser, const struct ast_node *node, enum target_rule rule, bool whole);

static bool make_targets(struct parser *parser, const struct ast_list *list, enum target_rule rule)
{
	uint32_t i;

	for (i = 0; i < list->count; i++) {
		if (!make_part(parser, list->items[i], rule, false))
			return false;
	}
	return true;
}

/* 3.8 looks at the names it is about to bind. */
static bool check_name(struct parser *parser, const struct ast_node *node)
{
	if (node->kind == AST_Attribute)
		return name_check_member(parser, ast_Attribute_attr(node), node->start, node->end);
	if (parser->minor > 8 || !str_is(*ast_Name_id(node), "__debug__"))
		return true;
	parser_fail_node(parser, node, "cannot assign to __debug__");
	return false;
}

/*
 * star_target, single_target and del_target, judged on the expression that was read. The recursion
 * follows tuples and lists, which the lexer's bracket limit keeps shallow.
 */
static bool make_part(
	struct parser *parser, const struct ast_node *node, enum target_rule rule, bool whole)
{
	/* The node is still ours to change until parser_parse() returns. */
	struct ast_node *target = (struct ast_node *)(uintptr_t)node;
	const uint8_t context = rule == TARGET_DEL ? AST_DEL : AST_STORE;

	switch (node->kind) {
	case AST_Name:
	case AST_Attribute:
		target->op = context;
		return rule == TARGET_DEL || check_name(parser, node);
	case AST_Subscript:
		target->op = context;
		return true;
	case AST_Starred:
		/* `del *a` passes the parser of 3.8 and falls in its compiler. */
		if (rule == TARGET_SINGLE || (rule == TARGET_DEL && parser->minor > 8))
			return refuse(parser, node, rule, whole);
		target->op = context;
		parser->doubtful = true; /* two of them, or one outside of a tuple */
		return make_part(parser, ast_Starred_value(node), rule, false);
	case AST_List:
	case AST_Tuple:
		if (rule == TARGET_SINGLE)
			return refuse(parser, node, rule, whole);
		target->op = context;
		return make_targets(parser, target->slots[0].list, rule);
	default:
		return refuse(parser, node, rule, whole);
	}
}

bool make_target(struct parser *parser, const struct ast_node *node, enum target_rule rule)
{
	return make_part(parser, node, rule, true);
}

static struct ast_node *parse_target_expression(struct parser *parser)
{
	return peek(parser) == TOK_STAR ? parse_starred(parser) : parse_bitwise_or(parser);
}

/* star_target: '*' (!'*' star_target) | target_with_star_atom */
struct ast_node *parse_star_target(struct parser *parser)
{
	struct ast_node *node = parse_target_expression(parser);

	return node && make_target(parser, node, TARGET_STAR) ? node : NULL;
}

/*
 * star_targets: star_target !',' | star_target (',' star_target)* [',']
 * They are read as expressions here; make_target() is left to the caller.
 */
struct ast_node *parse_star_targets(struct parser *parser)
{
	uint32_t start = parser->token->start;
	struct ast_node *first = parse_target_expression(parser);

	if (!first || peek(parser) != TOK_COMMA)
		return first;
	return parse_tuple_after(parser, first, start, parse_target_expression);
}
