/*
 * What the parser's own files share. Nothing outside parser/ includes this.
 *
 * A parsing function stands for one rule of the grammar, starts at parser->token and leaves it
 * after what it has read. It returns NULL once the parse has failed (parser->failed); callers pass
 * that on. A list is never NULL otherwise. After a failure nothing that was made is used any more.
 */
#ifndef PYSBX_PARSER_INTERNAL_H
#define PYSBX_PARSER_INTERNAL_H

#include "lexer/lexer.h"
#include "parser/parser.h"

/*
 * Where a statement stands, as far as compile() may refuse it there. What is certainly none of its
 * business is told from the rest while the source is read: see parser->doubtful.
 */
struct place {
	enum {
		PLACE_MODULE,
		PLACE_CLASS,
		PLACE_FUNCTION,
		PLACE_ASYNC_FUNCTION,
	} kind;
	const struct token *head; /* where the function begins */
	uint32_t loops;           /* around the statement, within the function */
	uint32_t blocks;          /* at most so many that CPython counts */
	/* Before the statement stands LEADING_FIRST: nothing; LEADING: a docstring, future imports
	 */
	enum { LEADING_NO, LEADING, LEADING_FIRST } leading;
	bool declares; /* there was a global statement */
};

/* What was seen of a statement, or of the head of one. */
enum {
	SEEN_SCOPE = 1 << 0, /* a comprehension or lambda */
	SEEN_OUTER = 1 << 1, /* := or await, which a scope around it may refuse */
	SEEN_STAR = 1 << 2,  /* which an annotated assignment refuses in some places */
};

#define PLACE_BLOCKS_PLAIN 12 /* far from CPython's 20, for what a block may stand for */
#define PLACE_BLOCKS_TRY   4  /* handlers, their names and a finally, each a block */

struct parser {
	const struct source *source;
	const struct token *token; /* the next one to read */
	const struct token *first; /* of the whole source */
	/* The last disjunction read: its first token and the one behind it; for messages. */
	const struct token *operand;
	const struct token *behind_operand;
	const struct token *furthest; /* where a guess that was taken back had failed, or NULL */
	struct arena *arena;
	const char *text;
	uint8_t minor;
	bool failed;
	bool generic; /* the failure is a plain "invalid syntax": something better may be said */
	size_t guess_budget;           /* tokens that guesses may still read */
	const struct token *guess_end; /* where the last one ended */
	bool guessing;                 /* an expression is read that only a message depends on */
	bool fragments;                /* there were such tokens as in_fragment means */
	bool in_fragment; /* the tokens are those of an f-string's field, before 3.12 */
	bool no_memory;
	bool doubtful; /* compile() may refuse something: only a go over the tree can tell */
	struct place place;
	uint8_t seen;
	size_t doubt_budget; /* tokens that doubt_global() may still look at */
	bool barry; /* `<>` instead of `!=` (PEP 401), since a future import that ast.parse() heeds:
		       from 3.14 on */
	uint32_t depth;    /* counted entries, see parser_enter() */
	const char *stack; /* the C stack where the parse began */
	struct diag error;

	uint32_t node_count;
	char *block; /* free bytes of the node block, all zero */
	char *block_end;

	const void **scratch; /* lists being collected, one above the other */
	size_t scratch_count;
	size_t scratch_capacity;

	struct ast_name_table names;
	uint32_t stamp; /* for name_seen(): the set that is being filled */

	struct parse_span *changed;
	uint32_t changed_count;
	uint32_t changed_capacity;

	union {
		struct ast_node node;
		struct ast_list list;
		char bytes[sizeof(struct ast_node) + 8 * sizeof(union ast_slot)];
	} spare; /* written to in place of memory that could not be had */
};

extern const struct ast_list parser_empty_list;

/* --- doubt.c: what compile() may refuse --- */

/* A simple statement, just read. */
void doubt_statement(struct parser *parser, const struct ast_node *node);
/* The head of a statement, before its block. */
void doubt_head(struct parser *parser, const struct token *head);
/* A yield at the next token. */
void doubt_yield(struct parser *parser);
/* What has been read from first on, where it is no argument and no slice. */
void doubt_star(struct parser *parser, const struct token *first);
/* All tokens, where one of them is __debug__. */
void doubt_debug(struct parser *parser);
void doubt_parameters(struct parser *parser, const struct ast_node *args);

/* --- parser.c: tokens, errors, depth --- */

/* Records the error (the first one stays) at bytes [start, end); returns NULL. */
void *parser_fail(struct parser *parser, enum diag_kind kind, uint32_t start, uint32_t end,
	const char *format, ...) __attribute__((format(printf, 5, 6)));
/* An error at the next token; where that is the end of the source, at the end of its last line. */
void *parser_fail_next(struct parser *parser, enum diag_kind kind, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* "invalid syntax" at the next token. */
void *parser_fail_here(struct parser *parser);
/* A SyntaxError with a text of its own, at a node. */
void *parser_fail_node(struct parser *parser, const struct ast_node *node, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void *parser_fail_limit(struct parser *parser);
void *parser_fail_memory(struct parser *parser);

/* Reads a token of that kind, or fails. */
bool parser_expect(struct parser *parser, enum token_kind kind);
/* Reads a ':'. Without one the error says so where CPython does: always, or at a line's end. */
bool parser_expect_colon(struct parser *parser, bool always);
/* The block of a definition, or of a statement that adds so many loops and blocks to the place. */
const struct ast_list *parse_block_in(
	struct parser *parser, struct place place, const struct token *head);
/* Counted entry to everything that recurses; false: failed. Pair with parser_leave(). */
bool parser_enter(struct parser *parser);

static inline void parser_leave(struct parser *parser)
{
	parser->depth--;
}

static inline enum token_kind peek(const struct parser *parser)
{
	return (enum token_kind)parser->token->kind;
}

/* Reads a token of that kind if it is the next one. */
static inline bool accept(struct parser *parser, enum token_kind kind)
{
	if (parser->token->kind != kind)
		return false;
	parser->token++;
	return true;
}

/* Where the last token read ends. */
static inline uint32_t last_end(const struct parser *parser)
{
	return parser->token[-1].end;
}

/* Whether an expression can begin with such a token. */
bool parser_starts_expression(enum token_kind kind);
/* Whether the NAME token is this (soft) keyword. */
bool parser_token_is(const struct parser *parser, const struct token *token, const char *word);

/* A point to come back to when a guess was wrong. */
struct parser_mark {
	const struct token *token;
	size_t scratch_count;
	uint32_t depth;
};
struct parser_mark parser_mark(const struct parser *parser);
/* Forgets the failure and all read since; false (nothing done) where no way out helps. */
bool parser_back(struct parser *parser, struct parser_mark mark);

/* --- guess.c: second readings of a refused source, for its message --- */

enum guess {
	GUESS_WRONG, /* it does not read like that: nothing was read */
	GUESS_RIGHT, /* it does: read */
	GUESS_TOLD,  /* that reading has a message of its own, with which the parse has failed */
};
/* Reads by a rule, with or without the messages that belong to its parts. */
enum guess parser_guess(
	struct parser *parser, struct ast_node *(*rule)(struct parser *), bool without_invalid);
/* At a token that cannot follow: whether the failure was told as a forgotten comma or the like. */
bool guess_comma(struct parser *parser);
/* Replaces a plain failure by one with a message, at that token; NULL. */
void *guess_instead(struct parser *parser, const struct token *token, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Where the tokens [first, end), which begin an expression, last were a complete one. */
const struct token *guess_complete(const struct token *first, const struct token *end);

/* --- build.c: nodes, lists, names --- */

void *parser_alloc(struct parser *parser, size_t size);
struct ast_node *node_new(struct parser *parser, enum ast_kind kind, uint32_t start, uint32_t end);
/* Fill a slot; the node's height follows. */
void node_set(
	struct parser *parser, struct ast_node *node, unsigned slot, const struct ast_node *child);
void node_set_list(
	struct parser *parser, struct ast_node *node, unsigned slot, const struct ast_list *list);

void scratch_push(struct parser *parser, const void *item);
/* The items pushed since `mark` (a former scratch_count) as a list, taken off the scratch. */
const struct ast_list *scratch_list(struct parser *parser, size_t mark);
const struct ast_names *scratch_names(struct parser *parser, size_t mark);
struct ast_list *list_new(struct parser *parser, size_t count);
void list_set(struct ast_list *list, size_t index, const struct ast_node *item);
const struct ast_list *list_of(struct parser *parser, const struct ast_node *item);

const struct str *name_intern(struct parser *parser, struct str text);
/* The identifier of a NAME token, which is not read. */
const struct str *name_of(struct parser *parser, const struct token *token);
/* Reads a NAME token; NULL: it is none, and the parse has failed. */
const struct str *name_read(struct parser *parser);
/* Sets of names: start one, then ask of each whether it was in already. One set at a time. */
void names_begin(struct parser *parser);
bool name_seen(struct parser *parser, const struct str *name);
/* What a name written in other letters must not become: None, True or False. */
bool name_is_constant(struct str text);
/* 3.8 refuses to bind __debug__ in the parser; later versions leave it to compile(). */
bool name_check_bind(struct parser *parser, const struct str *name, const struct token *token);
/* 3.8 also refuses an attribute to be assigned, or a keyword, that reads None once normalised. */
bool name_check_member(struct parser *parser, const struct str *name, uint32_t start, uint32_t end);

/* --- expr.c --- */
struct ast_node *parse_expression(struct parser *parser);
struct ast_node *parse_disjunction(struct parser *parser);
struct ast_node *parse_bitwise_or(struct parser *parser);
struct ast_node *parse_named_expression(struct parser *parser);
/* The same, without a guess at what a '=' behind it was meant to be; of an argument neither at
 * what a ':=' behind it was. */
struct ast_node *parse_plain_named_expression(struct parser *parser, bool argument);
/* At the '=' behind an expression: that guess. The node where it leads nowhere, or NULL. */
struct ast_node *check_equal(struct parser *parser, struct ast_node *node);
struct ast_node *parse_star_expressions(struct parser *parser);
struct ast_node *parse_tuple_after(struct parser *parser, struct ast_node *first, uint32_t start,
	struct ast_node *(*parse_item)(struct parser *parser));
struct ast_node *parse_star_named_expression(struct parser *parser);
struct ast_node *parse_starred(struct parser *parser);
struct ast_node *parse_yield_or_star_expressions(struct parser *parser);
struct ast_node *parse_yield(struct parser *parser);
struct ast_node *parse_lambda_nocond(struct parser *parser);

/* --- atom.c --- */
struct ast_node *parse_primary(struct parser *parser);
struct ast_node *parse_atom(struct parser *parser);
struct ast_node *parse_paren_content(struct parser *parser, uint32_t start, enum token_kind close);
struct ast_node *parse_number(struct parser *parser);
const struct ast_list *parse_comprehension_clauses(struct parser *parser);

/* --- call.c --- */
/* The arguments of a call or a class up to ')', which is not read. */
bool parse_arguments(struct parser *parser, bool is_class, uint32_t open,
	const struct ast_list **ret_args, const struct ast_list **ret_keywords);
struct ast_node *parse_slices(struct parser *parser);
/* Parameters up to the token `end` (RPAR or COLON), which is not read. */
struct ast_node *parse_parameters(struct parser *parser, enum token_kind end);
const struct ast_list *parse_type_params(struct parser *parser);

/* --- target.c --- */
enum target_rule {
	TARGET_STAR,
	TARGET_NEXT, /* the same, but not the first of an assignment */
	TARGET_SINGLE,
	TARGET_DEL,
};
/* The words CPython uses for an expression that cannot be a target. */
const char *expression_noun(const struct parser *parser, const struct ast_node *node);
/* Makes an expression a target (its ctx, and that of what it holds), or fails. */
bool make_target(struct parser *parser, const struct ast_node *node, enum target_rule rule);
/* star_targets, as after `for`: without `in` and what binds less than it; not yet targets. */
struct ast_node *parse_star_targets(struct parser *parser);
struct ast_node *parse_star_target(struct parser *parser);

/* --- stmt.c, compound.c, import.c, pattern.c --- */
/* One line of simple statements, pushed on the scratch. */
bool parse_simple_stmts(struct parser *parser);
struct ast_node *parse_import(struct parser *parser);
struct ast_node *parse_import_from(struct parser *parser);
/* From 3.14 on ast.parse() knows the features of __future__; false: failed. */
bool check_future_imports(struct parser *parser, const struct ast_list *body);
/* One statement, or a line of simple ones, pushed on the scratch. */
bool parse_statement(struct parser *parser);
/* The block of the statement whose keyword is `head`; the errors name it. */
const struct ast_list *parse_block(struct parser *parser, const struct token *head);
/* "expected an indented block ..." at the next token; NULL. */
void *fail_no_block(struct parser *parser, const struct token *head);
uint32_t block_end(const struct parser *parser, const struct ast_list *body);
bool parse_match(struct parser *parser, struct ast_node **ret_match);
struct ast_node *parse_function(struct parser *parser, const struct ast_list *decorators);
struct ast_node *parse_class(struct parser *parser, const struct ast_list *decorators);
struct ast_node *parse_decorated(struct parser *parser);

/* --- string.c, fstring.c, fstring_old.c --- */
struct ast_node *parse_strings(struct parser *parser);
struct ast_node *constant_str(struct parser *parser, enum ast_constant type, struct str value,
	uint32_t start, uint32_t end);
/* Where CPython reports what is wrong with the literal at the token: itself, or what is behind the
 * last one beside it, or where the f-string around it ends. */
const struct token *string_place(const struct parser *parser, const struct token *token);
/* The value of a stretch of literal text, of the token last read; false: failed. */
bool string_value(struct parser *parser, uint32_t start, uint32_t end, uint8_t flags, bool format,
	struct str *ret_value);
/* The constants items[0..count) as one, from the start of the first to the end of the last. */
const struct ast_node *join_constants(
	struct parser *parser, const void *const *items, size_t count);
/* The pieces pushed since mark, neighbouring constants joined and empty ones dropped. */
const struct ast_list *fold_pieces(struct parser *parser, size_t mark);
/* An f-string or t-string of 3.12 and later: pushes its pieces on the scratch. */
bool parse_fstring(struct parser *parser);
/* An f-string token of 3.8 to 3.11: pushes its pieces on the scratch. */
bool parse_fstring_old(struct parser *parser, const struct token *token);

#endif
