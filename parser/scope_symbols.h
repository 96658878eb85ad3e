/*
 * The symbol table while it is made: the scope at hand and what is known of names in it. Shared by
 * scope.c, which goes over the tree, and scope_symbols.c, which keeps the table.
 */
#ifndef PYSBX_PARSER_SCOPE_SYMBOLS_H
#define PYSBX_PARSER_SCOPE_SYMBOLS_H

#include "parser/compile_internal.h"

struct scopes {
	struct compile_check *check;
	struct scope *module;
	struct scope *current;
	const struct str *private_name; /* of the class around, for mangling; NULL: none */
};

void scopes_enter(struct scopes *scopes, enum scope_type type, const struct ast_node *node);
void scopes_enter_again(struct scopes *scopes, struct scope *scope);
void scopes_leave(struct scopes *scopes);

/* Notes a use or definition in the scope at hand; offset is where an error would point. */
void scopes_define(struct scopes *scopes, struct str name, uint32_t flag, uint32_t offset);
void scopes_define_name(struct scopes *scopes, const struct ast_node *name);
/* 3.14 and later refuse to bind __debug__ here. */
void scopes_check_debug(
	struct scopes *scopes, struct str name, enum ast_context context, uint32_t offset);
/* Names of a global or nonlocal statement. */
void scopes_declare(struct scopes *scopes, const struct ast_node *node);
/* The target of an assignment expression within a comprehension. */
void scopes_extend_target(struct scopes *scopes, const struct ast_node *target);
/* What the scope at hand knows of a name, mangled as there. */
uint32_t scopes_lookup(struct scopes *scopes, struct str name);

#endif
