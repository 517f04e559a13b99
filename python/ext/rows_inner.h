/* SPDX-License-Identifier: Apache-2.0
 *
 * Inner header of the row builders: the tree of nodes, one per Arrow field, and what the files of
 * this room share. Values wait in a node's slots, 256 at a time, then one loop for the node's
 * kind turns the whole block into Arrow memory.
 *
 * Who owns what in a slot. Pointers in slots are borrowed from the user's containers, which is
 * safe as long as nothing but our own loops runs. Before anything that may run Python code
 * (conversions, repr, signals) pqf_rows_slow gives every waiting slot of every node a reference
 * ("pins" it); the end of the block drops it. Free-threaded builds pin at once.
 *
 * Memory of results is plain malloc: arrays are released on any thread, without the GIL.
 */
#ifndef PQF_PYTHON_ROWS_INNER_H
#define PQF_PYTHON_ROWS_INNER_H

#include "rows.h"

#include <string.h>

#define ROWS_BLOCK        256
#define ROWS_MAX_DEPTH    64
#define ROWS_TEXT_BYTES   200
#define ROWS_CHECK_VALUES 65536 /* values between two looks at pending signals */

__extension__ typedef __int128 rows_i128;

#ifdef Py_GIL_DISABLED
#define ROWS_PIN_AT_ONCE 1
#else
#define ROWS_PIN_AT_ONCE 0
#endif

#if PY_VERSION_HEX < 0x030D0000
#define Py_BEGIN_CRITICAL_SECTION(op) {
#define Py_END_CRITICAL_SECTION()     }
#endif

typedef struct rows_node rows_node;
typedef struct rows_build rows_build;

typedef enum rows_rule { ROWS_NULL, ROWS_TYPE, ROWS_VALUE, ROWS_NUM_RULES } rows_rule;

/* How a node's memory is laid out in its ArrowArray. */
typedef enum rows_layout {
    ROWS_NONE,       /* no buffers */
    ROWS_FIXED,      /* validity, values */
    ROWS_BITS,       /* validity, values of one bit */
    ROWS_OFFSETS,    /* validity, offsets, bytes */
    ROWS_STRUCT,     /* validity; children */
    ROWS_LIST,       /* validity, offsets; one child */
    ROWS_FIXED_LIST, /* validity; one child */
    ROWS_MAP,        /* validity, offsets; one struct child with our two children */
} rows_layout;

/* One row of the table of kinds in rows_kinds.c. */
typedef struct rows_kind {
    const char *format; /* Arrow format, or its beginning when it ends in ':' */
    const char *text;
    const char *built; /* format of what is built instead, else NULL */
    rows_layout layout;
    int32_t value_bytes;    /* width of a value or an offset; 0: from the format */
    int32_t ticks_exponent; /* times: ticks per second are 10 to this */
    /* Turns the waiting slots into memory. NULL: cannot be built from Python objects. */
    int (*flush)(rows_build *b, rows_node *n);
} rows_kind;

/* A place in the order in which the keys of the last rows came: where the value goes. */
typedef struct rows_step {
    PyObject *key;    /* owned, an exact str; compared by identity */
    PyObject **slots; /* of the child; NULL: an extra key that is dropped */
} rows_step;

struct rows_node {
    const rows_kind *kind;
    rows_node **children;
    int32_t num_children;
    bool nullable;
    bool has_zone;
    bool keeps_nan; /* NaN is a value also under FROM_PANDAS */
    bool is_row;    /* the root of rows: None is no dict, and no null */
    int32_t value_bytes;
    int32_t precision, scale;
    int32_t list_size;
    char *name;
    char *format; /* of what is built */
    char *path;
    char *text;         /* the Arrow type as users read it */
    int64_t flags;      /* of the ArrowSchema */
    char *entries_name; /* map: of its struct */

    /* the waiting block */
    int32_t num_slots, num_pinned; /* slots [0, num_pinned) hold a reference */
    PyObject **slots;
    int64_t
        *rows; /* row in the stream of each slot; shared with the parent below a struct */
    bool owns_rows;

    /* what is built; room for `capacity` values */
    int64_t length, null_count, capacity;
    uint8_t *validity; /* NULL until the first null; bits at and after length are set */
    uint8_t *values;   /* values, bits or offsets */
    uint8_t *data;     /* bytes of strings */
    int64_t data_len, data_capacity;

    /* struct: how keys find their child */
    PyObject *index; /* dict: name -> number of the child */
    rows_step *steps;
    int32_t num_steps, max_steps;
    PyObject *extras; /* dict: unknown key -> how often */

    int64_t num_failures[ROWS_NUM_RULES];

    /* values set aside: see rows_refused.c */
    PyObject *refused;      /* list; NULL: none */
    int64_t *refused_pairs; /* place in the array, row in the stream */
    int64_t num_refused, max_refused;
};

/* Types of other modules, looked up in sys.modules on the first value that is not of a plain type
 * and never imported; the names are in the table in rows_types.c. */
typedef enum rows_type {
    ROWS_NP_BOOL,
    ROWS_NP_INTEGER,
    ROWS_NP_FLOATING,
    ROWS_NP_DATETIME,
    ROWS_NP_TIMEDELTA,
    ROWS_NP_ARRAY,
    ROWS_PD_TIMESTAMP,
    ROWS_PD_TIMEDELTA,
    ROWS_PD_NAT,
    ROWS_PD_NA,
    ROWS_DECIMAL,
    ROWS_UUID,
    ROWS_NUM_TYPES
} rows_type;

/* One call. */
struct rows_build {
    pqf_py_state *state;
    pqf_report *report;
    int flags;
    PyObject *refused; /* list for what is set aside; NULL: it is reported */
    int64_t num_failures;
    rows_node *root;
    rows_node **nodes; /* all nodes, to pin them */
    int32_t num_nodes, max_nodes;
    bool pinned; /* every waiting slot holds a reference and the types are known */
    bool types_ready;
    int64_t work; /* values since the last look at pending signals */
    PyObject *types[ROWS_NUM_TYPES];
    PyObject
        *nanosecond; /* descriptor pandas.Timestamp.nanosecond, when it is a C getter */
    PyObject *zone;  /* the last zone met; when it is fixed, its offset */
    bool zone_is_fixed;
    int64_t zone_us;
};

/* rows.c: blocks, nulls */
int pqf_rows_flush(rows_build *b, rows_node *n);
int pqf_rows_flush_struct(rows_build *b, rows_node *n);
int pqf_rows_slow(rows_build *b);
int pqf_rows_null(rows_build *b, rows_node *n, int32_t i);
/* The head of every slow conversion: 1: slot i was null and is dealt with, 0: convert it, -1. */
int pqf_rows_enter(rows_build *b, rows_node *n, int32_t i);

/* rows_kinds.c: NULL when the format is unknown; parameters begin at *params. */
const rows_kind *pqf_rows_kind(const char *format, const char **params);

/* rows_schema.c: from the declared schema to nodes, and back to what was built */
int pqf_rows_compile(rows_build *b, const struct ArrowSchema *schema, bool are_rows,
                     rows_node **out);
void pqf_rows_node_free(rows_node *n);
int pqf_rows_schema_export(const rows_node *n, struct ArrowSchema *out);

/* rows_text.c: the declared type in words; the caller frees */
char *pqf_rows_type_text(const struct ArrowSchema *schema);

/* rows_memory.c: growing memory, exported arrays. NULL and -1 come with MemoryError. */
void *pqf_rows_alloc(size_t bytes);
char *pqf_rows_copy_text(const char *text);
int pqf_rows_reserve(rows_node *n, int64_t more);
/* Room for the waiting block; where its first value goes. */
void *pqf_rows_room(rows_node *n);
int pqf_rows_data_grow(rows_node *n, int64_t more);
int pqf_rows_mark_null(rows_node *n, int64_t at);
int pqf_rows_array_export(rows_node *n, struct ArrowArray *out);

/* rows_types.c: types of other modules */
int pqf_rows_types_find(rows_build *b);
bool pqf_rows_is(const rows_build *b, PyObject *value, rows_type type);
int pqf_rows_pandas_null(rows_build *b, const rows_node *n, PyObject *value);
/* 0 when the pending exception says "not convertible" and is cleared, else -1. */
int pqf_rows_swallow(void);

/* rows_fail.c: failures. Both return 0, or -1 with an exception. found NULL: the value's type. */
int pqf_rows_fail(rows_build *b, rows_node *n, int32_t i, rows_rule rule,
                  const char *found);
int pqf_rows_fail_extra(rows_build *b, rows_node *n, int32_t i, PyObject *key,
                        PyObject *value);
int pqf_rows_fail_rest(rows_build *b);
int pqf_rows_fail_add(rows_build *b, const char *path, const char *rule, int64_t count,
                      const char *expected, const char *found, int64_t row,
                      const char *value);

/* rows_refused.c: values that are set aside; a null takes the place of slot i */
bool pqf_rows_may_set_aside(const rows_build *b, const rows_node *n, rows_rule rule);
int pqf_rows_set_aside(rows_build *b, rows_node *n, int32_t i);
void pqf_rows_refused_free(rows_node *n);
int pqf_rows_refused_export(rows_build *b);

/* rows_number.c, rows_decimal.c, rows_string.c, rows_list.c, rows_interval.c, py_time.c: one function per kind */
int pqf_rows_flush_null(rows_build *b, rows_node *n);
int pqf_rows_flush_bool(rows_build *b, rows_node *n);
int pqf_rows_flush_int8(rows_build *b, rows_node *n);
int pqf_rows_flush_uint8(rows_build *b, rows_node *n);
int pqf_rows_flush_int16(rows_build *b, rows_node *n);
int pqf_rows_flush_uint16(rows_build *b, rows_node *n);
int pqf_rows_flush_int32(rows_build *b, rows_node *n);
int pqf_rows_flush_uint32(rows_build *b, rows_node *n);
int pqf_rows_flush_int64(rows_build *b, rows_node *n);
int pqf_rows_flush_uint64(rows_build *b, rows_node *n);
int pqf_rows_flush_half(rows_build *b, rows_node *n);
int pqf_rows_flush_float(rows_build *b, rows_node *n);
int pqf_rows_flush_double(rows_build *b, rows_node *n);
int pqf_rows_flush_decimal(rows_build *b, rows_node *n);
int pqf_rows_flush_string(rows_build *b, rows_node *n);
int pqf_rows_flush_large_string(rows_build *b, rows_node *n);
int pqf_rows_flush_binary(rows_build *b, rows_node *n);
int pqf_rows_flush_large_binary(rows_build *b, rows_node *n);
int pqf_rows_flush_fixed_binary(rows_build *b, rows_node *n);
int pqf_rows_flush_date32(rows_build *b, rows_node *n);
int pqf_rows_flush_date64(rows_build *b, rows_node *n);
int pqf_rows_flush_time32(rows_build *b, rows_node *n);
int pqf_rows_flush_time64(rows_build *b, rows_node *n);
int pqf_rows_flush_timestamp(rows_build *b, rows_node *n);
int pqf_rows_flush_duration(rows_build *b, rows_node *n);
int pqf_rows_flush_day_time(rows_build *b, rows_node *n);
int pqf_rows_flush_month_day_nano(rows_build *b, rows_node *n);
int pqf_rows_flush_list(rows_build *b, rows_node *n);
int pqf_rows_flush_large_list(rows_build *b, rows_node *n);
int pqf_rows_flush_fixed_list(rows_build *b, rows_node *n);
int pqf_rows_flush_map(rows_build *b, rows_node *n);

/* rows_number.c: an int of up to 65 bits; 1: *out is set, 0: it does not fit, -1. No Python code
 * runs for an int or a subclass of it. */
int pqf_rows_int_wide(PyObject *value, rows_i128 *out);
/* py_time_other.c: scalars of NumPy and pandas in ticks (10^exponent a second), exactly. 1: *out is
 * set, 0: does not fit, 2: not of this kind (NaT, months, a date where a time is wanted), -1. */
int pqf_time_from_numpy(rows_build *b, PyObject *value, bool as_date, int32_t exponent,
                        int64_t *out);
int pqf_time_from_pandas(rows_build *b, PyObject *value, int32_t exponent, int64_t *out);

/* An exact int of at most 64 bits. */
static inline bool rows_read_int(PyObject *value, int64_t *out) {
    if (value == NULL || !PyLong_CheckExact(value)) {
        return false;
    }
#if PY_VERSION_HEX >= 0x030C0000
    if (PyUnstable_Long_IsCompact((PyLongObject *)value)) {
        *out = (int64_t)PyUnstable_Long_CompactValue((PyLongObject *)value);
        return true;
    }
#else
    Py_ssize_t size = Py_SIZE(value);
    if (size >= -1 && size <= 1) {
        *out = (int64_t)size * (int64_t)((PyLongObject *)value)->ob_digit[0];
        return true;
    }
#endif
    int overflow;
    *out = (int64_t)PyLong_AsLongLongAndOverflow(value, &overflow);
    return overflow == 0;
}

/* Puts a borrowed value into the next free slot of n, which has one. */
static inline void rows_push(rows_build *b, rows_node *n, PyObject *value, int64_t row) {
#if ROWS_PIN_AT_ONCE
    Py_XINCREF(value);
    n->num_pinned++;
#else
    b->pinned = false;
#endif
    (void)b;
    n->slots[n->num_slots] = value;
    n->rows[n->num_slots++] = row;
}

#endif /* PQF_PYTHON_ROWS_INNER_H */
