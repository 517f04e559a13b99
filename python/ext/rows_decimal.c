/* SPDX-License-Identifier: Apache-2.0
 *
 * Decimals of 32 to 256 bits from decimal.Decimal and from integers, exactly: nothing is rounded.
 * A Decimal is read from its text ("-12.50", "1E+3", "NaN"), the only way into one that needs
 * no call per digit and holds for every implementation of the module.
 */
#include "rows_inner.h"

#define MAX_DIGITS   76
#define MAX_EXPONENT 100000 /* anything larger does not fit either */

__extension__ typedef unsigned __int128 rows_u128;

/* A magnitude of 256 bits, low words first: 77 digits fit. */
typedef struct wide {
    uint64_t words[4];
} wide;

static void push_digit(wide *number, unsigned digit) {
    rows_u128 carry = digit;
    for (int i = 0; i < 4; i++) {
        carry += (rows_u128)number->words[i] * 10;
        number->words[i] = (uint64_t)carry;
        carry >>= 64;
    }
}

/* Two's complement of the low bytes; the precision says that they hold the number. */
static void store(const wide *number, bool negative, uint8_t *out, size_t bytes) {
    uint64_t words[4], carry = 1;
    for (int i = 0; i < 4; i++) {
        words[i] = negative ? ~number->words[i] + carry : number->words[i];
        carry = carry && words[i] == 0;
    }
    memcpy(out, words, bytes);
}

/* Digits without trailing zeros, so that a long tail of zeros costs no range. */
typedef struct decimal_text {
    wide digits;
    int64_t exponent; /* value = digits * 10^exponent */
    int num_digits;   /* significant ones */
    bool negative;
} decimal_text;

static bool take_digit(decimal_text *d, int next, int64_t *num_zeros) {
    if (next == 0) {
        *num_zeros += d->num_digits > 0;
        return true;
    }
    if (d->num_digits + *num_zeros + 1 > MAX_DIGITS) {
        return false;
    }
    for (; *num_zeros > 0; (*num_zeros)--) {
        push_digit(&d->digits, 0);
        d->num_digits++;
    }
    push_digit(&d->digits, (unsigned)next);
    d->num_digits++;
    return true;
}

/* Reads "E+12" or nothing at the end of a number. */
static bool take_exponent(const char *text, int64_t *exponent) {
    if (*text == '\0') {
        return true;
    }
    bool negative = text[1] == '-';
    int64_t magnitude = 0;
    for (text += 2; *text >= '0' && *text <= '9'; text++) {
        magnitude = magnitude * 10 + (*text - '0');
        if (magnitude > MAX_EXPONENT) {
            magnitude = MAX_EXPONENT;
        }
    }
    *exponent += negative ? -magnitude : magnitude;
    return *text == '\0';
}

/* false: not finite, or more significant digits than any decimal has. */
static bool parse_decimal(const char *text, decimal_text *out) {
    *out = (decimal_text){.negative = *text == '-'};
    text += out->negative;
    int64_t num_zeros = 0;
    bool after_point = false;
    if ((*text < '0' || *text > '9') && *text != '.') {
        return false;
    }
    for (; (*text >= '0' && *text <= '9') || *text == '.'; text++) {
        if (*text == '.') {
            after_point = true;
            continue;
        }
        if (!take_digit(out, *text - '0', &num_zeros)) {
            return false;
        }
        out->exponent -= after_point;
    }
    out->exponent += num_zeros;
    return (*text == '\0' || ((*text == 'E' || *text == 'e') && text[1] != '\0')) &&
           take_exponent(text, &out->exponent);
}

/* The slot is zero so far. */
static bool put_scaled(const decimal_text *d, const rows_node *n, uint8_t *out) {
    int64_t zeros = d->exponent + n->scale;
    if (d->num_digits == 0) {
        return true;
    }
    if (zeros < 0 || d->num_digits + zeros > n->precision) {
        return false; /* the last digit is not zero: some would be lost */
    }
    wide number = d->digits;
    for (; zeros > 0; zeros--) {
        push_digit(&number, 0);
    }
    store(&number, d->negative, out, (size_t)n->value_bytes);
    return true;
}

/* The text comes from the type's own function, so that a subclass's __str__ plays no part. */
static int from_text(PyObject *value, reprfunc to_text, const rows_node *n,
                     uint8_t *out) {
    PyObject *text = to_text(value);
    const char *chars = text == NULL ? NULL : PyUnicode_AsUTF8(text);
    decimal_text parsed;
    int code = chars == NULL
                   ? pqf_rows_swallow()
                   : parse_decimal(chars, &parsed) && put_scaled(&parsed, n, out);
    Py_XDECREF(text);
    return code;
}

/* 1: out is set, 0: does not fit, 2: neither a Decimal nor an integer, -1. */
static int to_decimal(rows_build *b, const rows_node *n, PyObject *value, uint8_t *out) {
    if (pqf_rows_is(b, value, ROWS_DECIMAL)) {
        return from_text(value, ((PyTypeObject *)b->types[ROWS_DECIMAL])->tp_str, n, out);
    }
    if (PyLong_Check(value) && !PyBool_Check(value)) {
        return from_text(value, PyLong_Type.tp_repr, n, out);
    }
    if (!pqf_rows_is(b, value, ROWS_NP_INTEGER)) {
        return 2;
    }
    PyObject *index = PyNumber_Index(value);
    if (index == NULL) {
        return -1;
    }
    int code = from_text(index, PyLong_Type.tp_repr, n, out);
    Py_DECREF(index);
    return code;
}

static int slow_decimal(rows_build *b, rows_node *n, int32_t i, uint8_t *out) {
    int entered = pqf_rows_enter(b, n, i);
    if (entered != 0) {
        return entered < 0 ? -1 : 0;
    }
    int code = to_decimal(b, n, n->slots[i], out);
    if (code < 0) {
        return -1;
    }
    return code == 1 ? 0
                     : pqf_rows_fail(b, n, i, code == 2 ? ROWS_TYPE : ROWS_VALUE, NULL);
}

int pqf_rows_flush_decimal(rows_build *b, rows_node *n) {
    uint8_t *out = pqf_rows_room(n);
    if (out == NULL) {
        return -1;
    }
    size_t bytes = (size_t)n->value_bytes;
    memset(out, 0, (size_t)n->num_slots * bytes);
    for (int32_t i = 0; i < n->num_slots; i++) {
        if (slow_decimal(b, n, i, out + (size_t)i * bytes) < 0) {
            return -1;
        }
    }
    n->length += n->num_slots;
    return 0;
}
