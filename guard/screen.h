/*
 * Inside the policies that go by meaning: what they know of the program under judgement, what an
 * expression may be worth, and the rules in their files.
 */
#ifndef PYSBX_GUARD_SCREEN_H
#define PYSBX_GUARD_SCREEN_H

#include "guard/known.h"
#include "guard/names.h"
#include "guard/policy.h"

/* How deep values and constants are followed; where values end, that is a finding. */
#define SCREEN_DEPTH 48
#define FOLD_DEPTH   24

enum value_kind {
	VALUE_MODULE,   /* path: its dotted name */
	VALUE_MEMBER,   /* path: module.member, and so on down */
	VALUE_BUILTIN,  /* path: its name */
	VALUE_RESULT,   /* what a call of the member or builtin path gave */
	VALUE_TYPE,     /* type(x) */
	VALUE_DYNAMIC,  /* what getattr() with an unknown name gave */
	VALUE_FUNCTION, /* a function, lambda or generator of the program */
	VALUE_CLASS,    /* a class of the program */
	VALUE_LITERAL,
	VALUE_EXCEPTION, /* bound by an except clause */
};

struct value {
	enum value_kind kind;
	struct str path;
	struct member *member; /* of a module, if it is one that is remembered */
};

/* Asked about a member of a module: answers that go by its dotted name alone. */
enum {
	MEMBER_READ = 1 << 0,   /* reading it is nothing to report */
	MEMBER_CALLED = 1 << 1, /* nor is calling it with anything */
	MEMBER_STANDS = 1 << 2, /* nor is handing it on */
};

/* A member of a module is looked up once; see screen_member(). */
struct member {
	struct str key;      /* module.name */
	size_t module_bytes; /* of it */
	struct value value;
	uint8_t asked; /* MEMBER_ bits of which the answer is known */
	uint8_t plain; /* and those that hold */
};

#define VALUES_MAX 16

/* All that is known of what an expression may be; it may always be something else besides. */
struct values {
	uint32_t count;
	bool lost; /* there are more modules, members and builtins than places */
	struct value items[VALUES_MAX];
};

/* The items are written as they are added. */
static inline void values_clear(struct values *values)
{
	values->count = 0;
	values->lost = false;
}

/* FOLD_PATH: an object of pathlib, in text. */
enum fold_kind { FOLD_NONE, FOLD_INT, FOLD_STR, FOLD_BYTES, FOLD_LIST, FOLD_PATH };

/* A constant worked out from the source. */
struct fold {
	enum fold_kind kind;
	int64_t number;
	struct str text;
	const struct fold *items;
	uint32_t count;
};

/* Something whose danger depends on the text that reaches it. */
struct unknown_use {
	const struct ast_node *node;
	const struct ast_node
		*subject; /* what the text becomes; NULL: any of the program's counts */
	const struct ast_node *object; /* of a name: what it is read from */
	uint32_t scope;
	enum guard_rule rule;
	enum guard_rule otherwise; /* where no such text is found; GUARD_RULE_COUNT: nothing */
	bool getter; /* attrgetter() and its like: it is not known what they will read from */
	enum {
		NEEDS_NOTHING,
		NEEDS_NAME,
		NEEDS_FORMAT,
		NEEDS_PATH,
		NEEDS_KEYWORD,
		NEEDS_CODE,
		NEEDS_QUERY
	} needs;
};

/* What a name is known for, worked out once for each name of the tree. */
enum {
	WORD_SPEAKS = 1 << 0, /* may be bound to something worth following */
	WORD_RISKY = 1 << 1,  /* a builtin that the policy may not open */
	WORD_READ = 1 << 2,   /* as an attribute it needs a look whatever it is read from */
	WORD_METHOD = 1 << 3, /* as a method it needs a look */
	WORD_TEXT = 1 << 4,   /* a method by which text is put together */
	WORD_COSTS = 1 << 5,  /* calls of it may be large */
	WORD_CLEAN = 1 << 6,  /* tells nothing of modules that are values */
	WORD_SEEN = 1 << 7,
};

/* An object that holds a module, handed on: guard/lenders.c. */
struct lent {
	const struct ast_node *node;
	int kind;
	struct str module;
};

#define LENT_MAX 32

struct screen {
	struct guard_sink *sink;
	const struct guard_policy *policy;
	struct arena *arena;
	struct names names;
	uint32_t at;             /* the visit that is being judged */
	struct member **members; /* open addressing, a few steps at most */
	uint32_t member_mask;
	struct module_use *modules; /* that stand as values */
	uint32_t module_count, module_capacity;
	struct lent lent[LENT_MAX];
	uint32_t lent_count;
	const struct ast_node *error_read; /* of `obj`, where the program has such an attribute */
	struct str *reads;                 /* attributes read by text, of what is not known */
	uint32_t read_count, read_capacity;
	const struct ast_node *locals; /* a call of locals() in a function */
	struct unknown_use *uses;
	uint32_t use_count, use_capacity;
	bool formats_found;             /* text of a format that reads what may not be read */
	bool format_begun;              /* text that ends within the name of a field: "{0." */
	bool names_found;               /* text that is an attribute not allowed */
	bool names_listed;              /* dir() of something gives such text */
	bool paths_found;               /* text that is a path not allowed */
	bool file_found;                /* text that plainly is a file of the system */
	uint32_t nesting;               /* of folds within values within folds */
	bool copies;                    /* imports copy or dataclasses: __reduce__ is called */
	bool failed;                    /* no memory */
	bool lost;                      /* a value was not followed to its end */
	const struct ast_node *testmod; /* a call of doctest.testmod() */
	const struct ast_node *reduce;  /* a definition of __reduce__ */
	const struct ast_node *hints;   /* a call of typing.get_type_hints() */
	const struct ast_node *odd_annotation;
	const struct ast_node **forwards; /* text that may be evaluated as an annotation */
	uint32_t forward_count, forward_capacity;
	size_t nested_bytes;            /* judged by nested.c */
	bool keyword_found;             /* the text of a keyword that makes a loader of a call */
	const struct ast_node *odd_doc; /* a store to __doc__ or __test__ */
	const struct ast_node *changed_annotations; /* a store to __annotations__, or into it */
	const struct ast_node *match_text;          /* the text "__match_args__" */
	const struct ast_node *type_dict; /* the attributes of what may be a type, as a dict */
	const struct ast_node *bound_get; /* a call of __get__() */
	bool positional;                  /* class patterns read attributes by place */
	uint32_t budget;                  /* steps of evaluation left for this node */
};

/* The node that is being judged, and what is above it (1: its parent); NULL: nothing. */
static inline const struct ast_node *screen_here(const struct screen *screen)
{
	return screen->names.visits[screen->at].node;
}

static inline const struct ast_node *screen_parent(const struct screen *screen, uint32_t up)
{
	return names_parent(&screen->names, screen->at, up);
}

/* The scope in which a node is evaluated that is the one being judged or stands within it. */
static inline uint32_t screen_scope_of(const struct screen *screen, const struct ast_node *node)
{
	return names_scope_at(&screen->names, screen->names.visits[screen->at].scope, node->start);
}

/* value.c */
void screen_evaluate(struct screen *screen, uint32_t scope, const struct ast_node *node,
	unsigned depth, struct values *values);
bool screen_may_be(const struct values *values, enum value_kind kind, const char *path);
/* From where on an import of all names may bind a name that was found so; UINT32_MAX: nowhere. */
uint32_t screen_star_from(const struct resolution *found);
/* What a binding gives its name. */
void screen_binding_values(
	struct screen *screen, const struct binding *binding, struct values *values);
/* What an import or from-import binds, or an attribute of a module is. */
struct value screen_member(struct screen *screen, struct str module, struct str name);

/* fold.c */
struct fold screen_fold(struct screen *screen, uint32_t scope, const struct ast_node *node);
/* All constants that node takes, where it is the variable of a loop over them, or a choice. */
uint32_t screen_fold_each(struct screen *screen, uint32_t scope, const struct ast_node *node,
	struct fold *ret, uint32_t max);
bool screen_plain_int(const struct ast_node *node, int64_t *ret);

/* Whether one of MEMBER_READ and so on holds; found by asking is_plain() the first time. */
bool screen_member_plain(struct screen *screen, const struct value *value, uint8_t question,
	bool (*is_plain)(struct screen *screen, const struct value *value));
int screen_members_init(struct screen *screen);

/* attributes.c */
enum access { ACCESS_LOAD, ACCESS_STORE, ACCESS_TEXT };
void screen_attribute(struct screen *screen, const struct ast_node *node, const struct values *base,
	struct str name, enum access access);
void screen_module_member(
	struct screen *screen, const struct ast_node *node, struct str module, struct str name);
/* The attributes of an object as a dict; object: whose, NULL: not known. */
void screen_own_dict(struct screen *screen, const struct ast_node *node,
	const struct ast_node *object, bool by_vars);
void screen_import(struct screen *screen, const struct ast_node *node);
void screen_import_from(struct screen *screen, const struct ast_node *node);
bool screen_bad_name(const struct screen *screen, struct str name);
bool screen_owns(const struct screen *screen, struct str name);
/* Whether the dict that is being judged is only read where it stands. */
bool screen_only_reads(const struct screen *screen);

/* classes.c */
void screen_class(struct screen *screen, const struct ast_node *node);
void screen_class_import(struct screen *screen, const struct ast_node *node,
	const struct ast_list *names, const struct str *module);
/* Anything that binds a name. */
void screen_definition(struct screen *screen, const struct ast_node *node, const struct str *name);
void screen_doc_store(struct screen *screen, const struct ast_node *node);
void screen_match_args(struct screen *screen, const struct ast_node *node);
void screen_pattern(struct screen *screen, const struct ast_node *node);

/* standing.c */
/* What holds of a name or a dotted name as a value, whatever it is used for. */
void screen_judge_value(
	struct screen *screen, const struct ast_node *node, uint32_t scope, struct values *values);
void screen_judge_builtin(
	struct screen *screen, const struct ast_node *node, uint32_t scope, struct str name);
bool screen_is_called(const struct screen *screen, const struct ast_node *node);
/* Whether a call of globals(), locals() or vars() is only asked for a name, by `in`. */
bool screen_asks_bound(const struct ast_node *call, const struct ast_node *parent);
/* Whether a name is the builtin of that name and can be nothing else. */
bool screen_is_builtin(const struct screen *screen, uint32_t scope, const struct ast_node *node);

/* settle.c: 0, or -1 without memory. */
int screen_settle(struct screen *screen);
bool screen_bad_path(struct str text);
bool screen_system_file(struct str text);

/* getattr.c */
/* Whether an object is one from which attributes lead anywhere. */
bool screen_leads_out(const struct values *target, const struct ast_node *object, bool store);
void screen_dotted(struct screen *screen, const struct ast_node *node, const struct values *base,
	struct str dotted, enum access access);
/* which: getattr, setattr, delattr, hasattr. */
void screen_getattr(
	struct screen *screen, const struct ast_node *call, uint32_t scope, struct str which);
/* operator.attrgetter(), whose arguments are all names, and methodcaller(). */
void screen_getter(struct screen *screen, const struct ast_node *call, uint32_t scope, bool all);

/* module_values.c */
/* A module that stands as a value where it is not followed. */
void screen_module_use(struct screen *screen, const struct ast_node *node, struct str path);
/* What may be read of such a module, known by its text only. */
void screen_note_read(struct screen *screen, struct str name);
/* A call of locals() in a function: hands out the modules that are bound there. */
void screen_note_locals(struct screen *screen, const struct ast_node *node);
int screen_settle_modules(struct screen *screen);

/* lenders.c */
bool screen_is_lender(struct str path);
void screen_lender(
	struct screen *screen, const struct ast_node *node, struct str path, bool handed_on);
void screen_lend_default(struct screen *screen, const struct ast_node *node, struct str module);
void screen_settle_lenders(struct screen *screen);

/* calls.c */
/* Judges a call as one of this member of a module. */
void screen_call_member(
	struct screen *screen, const struct ast_node *call, uint32_t scope, struct str path);
/* An argument by its keyword; NULL for a name: the first spread dict. */
const struct ast_node *screen_keyword(const struct ast_node *call, const char *name);
/* An argument by place or keyword; NULL: it is not there, or cannot be told from others. */
const struct ast_node *screen_argument(
	const struct ast_node *call, uint32_t index, const char *keyword);
/* The dict literal that node is, or is bound to once, and where it is evaluated; NULL: none. */
const struct ast_node *screen_dict(
	struct screen *screen, uint32_t scope, const struct ast_node *node, uint32_t *ret_scope);
void screen_call(struct screen *screen, const struct ast_node *node, uint32_t scope);
/* Text of df.query() that may call what it should not. */
bool screen_odd_query(struct str text);
/* Members and builtins that are open only where they are called. */
bool screen_only_called(const struct value *value);

/* formats.c */
bool screen_bad_format(const struct screen *screen, struct str text);
/* Text that ends within the name of a field, which what follows goes on with: "{0.". */
bool screen_open_format(struct str text);
void screen_format_method(struct screen *screen, const struct ast_node *call, uint32_t scope);
void screen_format_texts(struct screen *screen, const struct ast_node *call, uint32_t scope);
void screen_format_value(struct screen *screen, const struct ast_node *node,
	const struct ast_node *object, uint32_t scope);
/* A format that cannot be known: bad where the program has a text that is one. */
void screen_unknown_format(struct screen *screen, const struct ast_node *node);

/* paths.c */
/* Whether calls of a member are given files. */
bool screen_is_taker(struct str path);
bool screen_has_takers(struct str class);
/* Such a member where it stands as a value. */
void screen_taker_value(
	struct screen *screen, const struct ast_node *node, uint32_t scope, struct str path);
bool screen_foreign_path(struct str path, bool writes);
void screen_paths(struct screen *screen, const struct ast_node *call, uint32_t scope,
	const struct values *callee);
void screen_path_value(struct screen *screen, const struct ast_node *node, uint32_t scope);

/* sinks.c */
/* Whether a member of the module whose name begins so is a sink. */
bool screen_has_sink(struct str module, struct str prefix);
/* Whether calls of a member are judged by what they are given. */
bool screen_is_judged(struct str path);
/* Whether it may only be called, because its arguments make it harmless. */
bool screen_is_sink(const struct value *value);
void screen_sink(
	struct screen *screen, const struct ast_node *call, uint32_t scope, struct str path);
/* Text that is plain words and operators: a formula, a type, not a road. */
bool screen_plain_code(struct str text);
void screen_sink_value(struct screen *screen, const struct ast_node *node, struct str path);
void screen_sink_found(struct screen *screen, const struct ast_node *call, struct str what);
void screen_loader(struct screen *screen, const struct ast_node *call);

/* nested.c: text of the program that others run as code. */
/* Annotations as text: judged where something evaluates them. */
void screen_note_annotation(struct screen *screen, const struct ast_node *annotation);
/* typing.NamedTuple("N", [("a", "int")]) and the like. */
void screen_note_forward(struct screen *screen, const struct ast_node *call, struct str path);
int screen_settle_nested(struct screen *screen, const struct ast_node *module);

/* text.c */
int screen_text(struct guard_sink *sink, const struct ast_node *module);
/* A literal that is too long, or made to be read by no one. */
void screen_literal(struct screen *screen, const struct ast_node *node);

/* cost.c */
/* Operators, calls of what guard/words.def lists, comprehensions, fields of f-strings. */
void screen_cost(struct screen *screen, const struct ast_node *node, uint32_t scope);
void screen_cost_call(struct screen *screen, const struct ast_node *call, uint32_t scope);
void screen_cost_comprehension(struct screen *screen, const struct ast_node *node, uint32_t scope);
void screen_cost_field(struct screen *screen, const struct ast_node *node);

/* pattern.c */
/* Whether a regular expression repeats what repeats. */
bool screen_repeats_nested(struct str text);

/* guard.c: judges text of the program as a program; the findings live in the arena. */
void guard_check_nested(struct str bytes, const struct guard_sink *around, struct arena *arena,
	struct guard_report *ret);

/* speaking.c: which names may lead to a module, a member of one or a builtin. -1 without memory. */
int screen_find_speakers(struct screen *screen);

/* words.c */
uint32_t screen_word(struct screen *screen, const struct str *name);
/* Whether evaluating an expression can tell anything. */
bool screen_speaks(struct screen *screen, const struct ast_node *node);

/* screen.c */
/* Whether text has a word, in whatever case. */
bool screen_finds(struct str text, const char *word);
void screen_unknown(struct screen *screen, struct unknown_use use);
/*
 * An array in the arena with the items and room for one more. NULL without memory: the old array
 * stays as it was, and the screen has failed.
 */
void *screen_more(
	struct screen *screen, void *items, uint32_t count, uint32_t *capacity, size_t size);
int screen_judge(struct guard_sink *sink, const struct ast_node *module);

#endif
