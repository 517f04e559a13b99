/* SPDX-License-Identifier: Apache-2.0
 *
 * Decimals of 32 to 256 bits to decimal.Decimal, equal ones as one object: making one takes a
 * quarter of a microsecond and 104 bytes, another reference to it 8 bytes. Decimals cannot be
 * changed, so nobody can tell, but for time and memory.
 *
 * The objects so far are found by value: an open hash table has their places. Rows go through it in
 * blocks, walk by walk, so that the cache misses of a block (the table's line, the value, the object
 * whose references are counted) overlap instead of following each other.
 */
#include "core.h"

#include <time.h>

#define BLOCK       64
#define FIRST_SLOTS 1024
#define MOST_SHARED ((size_t)1 << 20) /* 32 MiB; further values are not shared */
#define TEXT_BYTES  96 /* sign, 81 digits, "E", sign and 10 digits of the scale */

/* A value of 128 bits or fewer, sign-extended. */
typedef struct shared {
    uint64_t low, high;
    PyObject *object;
} shared;

typedef struct decimals {
    const uint8_t *values;   /* little-endian two's complement */
    const uint8_t *validity; /* bits, or NULL */
    int64_t offset;          /* of the first row, in values */
    size_t width;            /* bytes of a value: 4, 8, 16 or 32 */
    char exponent[16];       /* "E-2" */
    size_t exponent_length;
    PyObject *make;  /* decimal.Decimal */
    uint32_t *slots; /* places in entries, 0: free */
    shared *entries; /* from 1 on; half as many as slots */
    size_t mask, used;
    uint64_t seed;
} decimals;

static bool is_null(const decimals *d, int64_t row) {
    int64_t bit = d->offset + row;
    return d->validity != NULL && (d->validity[bit / 8] >> (bit % 8) & 1) == 0;
}

static const uint8_t *value_at(const decimals *d, int64_t row) {
    return d->values + (size_t)(d->offset + row) * d->width;
}

/* ---- a value as text ---- */

/* The magnitude of a value as limbs, low ones first; true: the value is negative. */
static bool limbs_of(const uint8_t *value, size_t width, uint32_t limbs[8]) {
    bool negative = (value[width - 1] & 0x80) != 0;
    memset(limbs, negative ? 0xff : 0, 8 * sizeof(limbs[0]));
    memcpy(limbs, value, width);
    for (uint64_t i = 0, carry = 1; negative && i < 8; i++) {
        carry += (uint32_t)~limbs[i];
        limbs[i] = (uint32_t)carry;
        carry >>= 32;
    }
    return negative;
}

/* Divides limbs by 10^9 in place; the remainder. *n loses the limbs that are 0 then. */
static uint32_t next_group(uint32_t *limbs, int *n) {
    uint64_t rest = 0;
    for (int i = *n - 1; i >= 0; i--) {
        rest = rest << 32 | limbs[i];
        limbs[i] = (uint32_t)(rest / 1000000000);
        rest %= 1000000000;
    }
    while (*n > 0 && limbs[*n - 1] == 0) {
        (*n)--;
    }
    return (uint32_t)rest;
}

/* The 9 digits of a group before `end`, or those without leading zeros. */
static char *write_group(uint32_t group, bool whole, char *end) {
    char *first = end - 9;
    for (char *at = end; whole ? at > first : group > 0; group /= 10) {
        *--at = (char)('0' + group % 10);
        end = at;
    }
    return end;
}

/* "-1250E-2" before `end`: the digits as they are stored, so that trailing zeros stay. 2^255 has 77
 * digits, that is 9 groups. */
static char *write_text(const decimals *d, const uint8_t *value, char *end) {
    uint32_t limbs[8];
    bool negative = limbs_of(value, d->width, limbs);
    int n = (int)(d->width / 4);
    end -= d->exponent_length;
    memcpy(end, d->exponent, d->exponent_length);
    char *last = end;
    do {
        uint32_t group = next_group(limbs, &n);
        end = write_group(group, n > 0, end);
    } while (n > 0);
    if (end == last) {
        *--end = '0';
    }
    if (negative) {
        *--end = '-';
    }
    return end;
}

static PyObject *make(const decimals *d, const uint8_t *value) {
    char text[TEXT_BYTES], *end = text + TEXT_BYTES, *first = write_text(d, value, end);
    PyObject *string = PyUnicode_New(end - first, 127), *object = NULL;
    if (string != NULL) {
        memcpy(PyUnicode_1BYTE_DATA(string), first, (size_t)(end - first));
        object = PyObject_CallOneArg(d->make, string);
        Py_DECREF(string);
    }
    return object;
}

/* ---- the table ---- */

/* false: more than 128 bits. */
static bool key_of(const uint8_t *value, size_t width, shared *key) {
    uint64_t words[4];
    memset(words, (value[width - 1] & 0x80) != 0 ? 0xff : 0, sizeof(words));
    memcpy(words, value, width);
    key->low = words[0];
    key->high = words[1];
    uint64_t sign = (uint64_t)((int64_t)words[1] >> 63);
    return words[2] == sign && words[3] == sign;
}

/* Nobody can make values that meet in one place without the seed. */
static size_t hash(const decimals *d, const shared *key) {
    uint64_t mixed = key->low ^ d->seed;
    mixed = (mixed ^ mixed >> 32) * 0xd6e8feb86659fd93u;
    mixed = (mixed ^ mixed >> 29) + (key->high ^ d->seed >> 7) * 0x9e3779b97f4a7c15u;
    mixed = (mixed ^ mixed >> 32) * 0xd6e8feb86659fd93u;
    return (size_t)(mixed ^ mixed >> 32);
}

/* The slot of the key, or the free one where it belongs: at most half of the slots are used. */
static uint32_t *find(const decimals *d, const shared *key) {
    size_t i = hash(d, key) & d->mask;
    for (uint32_t place = d->slots[i]; place != 0; place = d->slots[i]) {
        if (d->entries[place].low == key->low && d->entries[place].high == key->high) {
            break;
        }
        i = (i + 1) & d->mask;
    }
    return &d->slots[i];
}

/* Room for twice as many values. */
static int grow(decimals *d) {
    size_t num_slots = d->slots == NULL ? FIRST_SLOTS : (d->mask + 1) * 2;
    shared *entries = PyMem_Realloc(d->entries, num_slots / 2 * sizeof(shared));
    d->entries = entries == NULL ? d->entries : entries;
    uint32_t *slots = entries == NULL ? NULL : PyMem_Calloc(num_slots, sizeof(uint32_t));
    if (slots == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    PyMem_Free(d->slots);
    d->slots = slots;
    d->mask = num_slots - 1;
    for (size_t place = 1; place <= d->used; place++) {
        *find(d, &d->entries[place]) = (uint32_t)place;
    }
    return 0;
}

static void table_free(decimals *d) {
    for (size_t place = 1; place <= d->used; place++) {
        Py_DECREF(d->entries[place].object);
    }
    PyMem_Free(d->entries);
    PyMem_Free(d->slots);
}

/* ---- rows ---- */

static void put(PyObject **slot, PyObject *object) {
    PyObject *before = *slot;
    *slot = object;
    Py_XDECREF(before);
}

/* A borrowed object of the table in *out. One that is not shared goes to its slot at once, and
 * *out is NULL. */
static int object_of(decimals *d, int64_t row, const shared *key, bool narrow,
                     PyObject **slot, PyObject **out) {
    uint32_t *place = narrow ? find(d, key) : NULL;
    if (place != NULL && *place != 0) {
        *out = d->entries[*place].object;
        return 0;
    }
    PyObject *object = make(d, value_at(d, row));
    if (object == NULL) {
        return -1;
    }
    if (place == NULL || d->used == MOST_SHARED) {
        put(slot, object);
        *out = NULL;
        return 0;
    }
    *place = (uint32_t)++d->used;
    d->entries[d->used] = (shared){key->low, key->high, object};
    *out = object;
    return d->used + 1 == (d->mask + 1) / 2 ? grow(d) : 0;
}

/* What the rows will need, fetched ahead. */
static void look_ahead(const decimals *d, int64_t row, int n, shared *keys,
                       bool *narrow) {
    for (int i = 0; i < n; i++) {
        narrow[i] = key_of(value_at(d, row + i), d->width, &keys[i]);
        __builtin_prefetch(&d->slots[hash(d, &keys[i]) & d->mask]);
    }
    for (int i = 0; i < n; i++) {
        __builtin_prefetch(&d->entries[d->slots[hash(d, &keys[i]) & d->mask]]);
    }
}

static int fill_block(decimals *d, int64_t row, int n, PyObject **slots) {
    shared keys[BLOCK];
    bool narrow[BLOCK];
    PyObject *objects[BLOCK];
    look_ahead(d, row, n, keys, narrow);
    for (int i = 0; i < n; i++) {
        objects[i] = Py_None;
        if (!is_null(d, row + i) &&
            object_of(d, row + i, &keys[i], narrow[i], &slots[i], &objects[i]) != 0) {
            return -1;
        }
        __builtin_prefetch(objects[i], 1);
    }
    for (int i = 0; i < n; i++) {
        if (objects[i] != NULL) {
            Py_INCREF(objects[i]);
            put(&slots[i], objects[i]);
        }
    }
    return 0;
}

static int fill(decimals *d, PyObject **slots, int64_t rows) {
    for (int64_t row = 0; row < rows; row += BLOCK) {
        int n = rows - row < BLOCK ? (int)(rows - row) : BLOCK;
        if (fill_block(d, row, n, slots + row) != 0 ||
            (row % (BLOCK * 64) == 0 && PyErr_CheckSignals() != 0)) {
            return -1;
        }
    }
    return 0;
}

/* ---- the call ---- */

/* Whether the buffers hold the rows that the caller speaks of. */
static bool fits(const decimals *d, const Py_buffer *objects, const Py_buffer *values,
                 const Py_buffer *validity) {
    int64_t rows = objects->len / (Py_ssize_t)sizeof(PyObject *);
    bool width = d->width == 4 || d->width == 8 || d->width == 16 || d->width == 32;
    if (!width || d->offset < 0 || objects->format == NULL ||
        strcmp(objects->format, "O") != 0 ||
        d->offset > values->len / (Py_ssize_t)d->width - rows) {
        return false;
    }
    return validity->obj == NULL || (d->offset + rows + 7) / 8 <= validity->len;
}

static int run(decimals *d, PyObject *objects, PyObject *values, PyObject *validity) {
    Py_buffer out = {0}, in = {0}, bits = {0};
    int result = -1;
    if (PyObject_GetBuffer(objects, &out, PyBUF_WRITABLE | PyBUF_ND | PyBUF_FORMAT) ==
            0 &&
        PyObject_GetBuffer(values, &in, PyBUF_SIMPLE) == 0 &&
        (validity == Py_None || PyObject_GetBuffer(validity, &bits, PyBUF_SIMPLE) == 0)) {
        d->values = in.buf;
        d->validity = bits.buf;
        if (!fits(d, &out, &in, &bits)) {
            PyErr_SetString(PyExc_ValueError, "the buffers do not hold such decimals");
        } else if (grow(d) == 0) {
            result = fill(d, out.buf, out.len / (Py_ssize_t)sizeof(PyObject *));
        }
    }
    table_free(d);
    PyBuffer_Release(&bits);
    PyBuffer_Release(&in);
    PyBuffer_Release(&out);
    return result;
}

/* Of this process and moment: where its stack lies, and nanoseconds. */
static uint64_t seed(void) {
    struct timespec now = {0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t place = (uint64_t)(uintptr_t)&now;
    return (place ^ (uint64_t)now.tv_nsec << 20 ^ (uint64_t)now.tv_sec) *
           0x9e3779b97f4a7c15u;
}

PyObject *core_decimal_objects(PyObject *module, PyObject *args) {
    (void)module;
    PyObject *objects, *values, *validity;
    decimals d = {0};
    long long offset;
    Py_ssize_t width;
    int scale;
    if (!PyArg_ParseTuple(args, "OOOLniO", &objects, &values, &validity, &offset, &width,
                          &scale, &d.make)) {
        return NULL;
    }
    d.offset = offset;
    d.width = (size_t)width;
    d.seed = seed();
    d.exponent_length =
        (size_t)snprintf(d.exponent, sizeof(d.exponent), "E%lld", -(long long)scale);
    return run(&d, objects, values, validity) == 0 ? Py_NewRef(Py_None) : NULL;
}
