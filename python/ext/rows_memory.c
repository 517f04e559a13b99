/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory of the row builders: growing buffers of a node, and their way into an ArrowArray, which
 * owns them from then on. All of it is plain malloc, because an array is released on any thread.
 */
#include "rows_inner.h"

#include <stdlib.h>

#define MIN_VALUES 64

void *pqf_rows_alloc(size_t bytes) {
    void *memory = calloc(1, bytes > 0 ? bytes : 1);
    if (memory == NULL) {
        PyErr_NoMemory();
    }
    return memory;
}

char *pqf_rows_copy_text(const char *text) {
    size_t bytes = strlen(text) + 1;
    char *copy = pqf_rows_alloc(bytes);
    return copy == NULL ? NULL : memcpy(copy, text, bytes);
}

/* ---- growing ---- */

static int grow(uint8_t **memory, size_t bytes) {
    uint8_t *larger = realloc(*memory, bytes);
    if (larger == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    *memory = larger;
    return 0;
}

/* Bytes of the values buffer for `capacity` values; 0: the layout has none. A width may be 0. */
static size_t values_bytes(const rows_node *n, int64_t capacity) {
    switch (n->kind->layout) {
    case ROWS_FIXED: return (size_t)capacity * (size_t)n->value_bytes + 8;
    case ROWS_BITS: return ((size_t)capacity + 7) / 8;
    case ROWS_OFFSETS:
    case ROWS_LIST:
    case ROWS_MAP: return ((size_t)capacity + 1) * (size_t)n->value_bytes;
    default: return 0;
    }
}

static int set_capacity(rows_node *n, int64_t capacity) {
    size_t old_bits = ((size_t)n->capacity + 7) / 8, bits = ((size_t)capacity + 7) / 8;
    size_t bytes = values_bytes(n, capacity);
    bool fresh = n->values == NULL;
    if (bytes > 0 && grow(&n->values, bytes) < 0) {
        return -1;
    }
    if (bytes > 0 && fresh) {
        memset(n->values, 0,
               (size_t)(n->value_bytes > 0 ? n->value_bytes : 1)); /* offset 0 */
    }
    if (n->kind->layout == ROWS_BITS) {
        memset(n->values + (fresh ? 0 : old_bits), 0, bits - (fresh ? 0 : old_bits));
    }
    if (n->validity != NULL) {
        if (grow(&n->validity, bits) < 0) {
            return -1;
        }
        memset(n->validity + old_bits, 0xff, bits - old_bits);
    }
    n->capacity = capacity;
    return 0;
}

/* Widths are at most 2^31 and a capacity stays below 2^31 elements of such width in any memory;
 * the guard keeps the products within 64 bits. */
int pqf_rows_reserve(rows_node *n, int64_t more) {
    if (more <= n->capacity - n->length && (n->values != NULL || n->capacity > 0)) {
        return 0;
    }
    int64_t width = n->value_bytes > 8 ? n->value_bytes : 8;
    int64_t most = INT64_MAX / 4 / width;
    int64_t wanted = n->length > INT64_MAX - more ? INT64_MAX : n->length + more;
    if (wanted > most) {
        PyErr_NoMemory();
        return -1;
    }
    int64_t capacity = n->capacity > 0 ? n->capacity + n->capacity / 2 : MIN_VALUES;
    if (n->capacity == 0 || capacity < wanted) {
        capacity = wanted > MIN_VALUES ? wanted : MIN_VALUES;
    }
    return set_capacity(n, capacity);
}

void *pqf_rows_room(rows_node *n) {
    if (pqf_rows_reserve(n, n->num_slots) < 0) {
        return NULL;
    }
    return n->values + (size_t)n->length * (size_t)n->value_bytes;
}

int pqf_rows_data_grow(rows_node *n, int64_t more) {
    int64_t wanted = n->data_len > INT64_MAX / 4 - more ? INT64_MAX : n->data_len + more;
    if (wanted == INT64_MAX) {
        PyErr_NoMemory();
        return -1;
    }
    int64_t capacity = n->data_capacity + n->data_capacity / 2;
    if (capacity < wanted) {
        capacity = wanted;
    }
    if (capacity < 1024) {
        capacity = 1024;
    }
    if (grow(&n->data, (size_t)capacity) < 0) {
        return -1;
    }
    n->data_capacity = capacity;
    return 0;
}

int pqf_rows_mark_null(rows_node *n, int64_t at) {
    n->null_count++;
    if (n->kind->layout == ROWS_NONE) {
        return 0;
    }
    if (n->validity == NULL) {
        size_t bits = ((size_t)n->capacity + 7) / 8;
        if (grow(&n->validity, bits) < 0) {
            return -1;
        }
        memset(n->validity, 0xff, bits);
    }
    n->validity[at >> 3] &= (uint8_t) ~(1u << (at & 7));
    return 0;
}

/* ---- arrays ---- */

/* What an exported array owns beside its children. */
typedef struct array_memory {
    const void *buffers[3];
    struct ArrowArray *children[];
} array_memory;

static void array_release(struct ArrowArray *array) {
    array_memory *memory = array->private_data;
    for (int i = 0; i < 3; i++) {
        free((void *)(uintptr_t)memory->buffers[i]);
    }
    for (int64_t i = 0; i < array->n_children; i++) {
        struct ArrowArray *child = array->children[i];
        if (child != NULL && child->release != NULL) {
            child->release(child);
        }
        free(child);
    }
    free(memory);
    array->release = NULL;
}

/* An array without buffers whose children are zeroed structs. */
static int array_init(struct ArrowArray *out, int64_t length, int64_t num_children) {
    memset(out, 0, sizeof(*out));
    size_t bytes =
        sizeof(array_memory) + (size_t)num_children * sizeof(struct ArrowArray *);
    array_memory *memory = pqf_rows_alloc(bytes);
    if (memory == NULL) {
        return -1;
    }
    out->length = length;
    out->n_children = num_children;
    out->buffers = memory->buffers;
    out->children = num_children > 0 ? memory->children : NULL;
    out->private_data = memory;
    out->release = array_release;
    for (int64_t i = 0; i < num_children; i++) {
        memory->children[i] = pqf_rows_alloc(sizeof(struct ArrowArray));
        if (memory->children[i] == NULL) {
            array_release(out);
            return -1;
        }
    }
    return 0;
}

static int64_t num_buffers(rows_layout layout) {
    static const uint8_t BUFFERS[] = {
        [ROWS_NONE] = 0, [ROWS_FIXED] = 2,  [ROWS_BITS] = 2,       [ROWS_OFFSETS] = 3,
        [ROWS_LIST] = 2, [ROWS_STRUCT] = 1, [ROWS_FIXED_LIST] = 1, [ROWS_MAP] = 2,
    };
    return BUFFERS[layout];
}

/* Bits after the last value become zero. */
static void clear_tail(uint8_t *bits, int64_t length) {
    if (bits != NULL && (length & 7) != 0) {
        bits[length >> 3] &= (uint8_t)((1u << (length & 7)) - 1);
    }
}

static void move_buffers(rows_node *n, struct ArrowArray *out) {
    array_memory *memory = out->private_data;
    clear_tail(n->validity, n->length);
    out->null_count = n->null_count;
    out->n_buffers = num_buffers(n->kind->layout);
    memory->buffers[0] = n->validity;
    memory->buffers[1] = n->values;
    memory->buffers[2] = n->data;
    n->validity = n->values = n->data = NULL;
}

static int export_map(rows_node *n, struct ArrowArray *out) {
    struct ArrowArray *entries = out->children[0];
    if (array_init(entries, n->children[0]->length, 2) < 0) {
        return -1;
    }
    entries->n_buffers = 1;
    for (int i = 0; i < 2; i++) {
        if (pqf_rows_array_export(n->children[i], entries->children[i]) < 0) {
            return -1;
        }
    }
    return 0;
}

static int export_children(rows_node *n, struct ArrowArray *out) {
    if (n->kind->layout == ROWS_MAP) {
        return export_map(n, out);
    }
    for (int32_t i = 0; i < n->num_children; i++) {
        if (pqf_rows_array_export(n->children[i], out->children[i]) < 0) {
            return -1;
        }
    }
    return 0;
}

int pqf_rows_array_export(rows_node *n, struct ArrowArray *out) {
    int64_t num_children = n->kind->layout == ROWS_MAP ? 1 : n->num_children;
    if (n->kind->layout == ROWS_OFFSETS && n->data == NULL &&
        pqf_rows_data_grow(n, 1) < 0) {
        return -1;
    }
    if (pqf_rows_reserve(n, 0) < 0 || array_init(out, n->length, num_children) < 0) {
        return -1;
    }
    move_buffers(n, out);
    if (export_children(n, out) < 0) {
        out->release(out);
        return -1;
    }
    return 0;
}
