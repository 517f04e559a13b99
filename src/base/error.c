/* SPDX-License-Identifier: Apache-2.0
 *
 * error.c (room base): fills pqf_error and writes it as one line of text.
 *
 * In: a kind, a printf format and, on the way up, the parts of the address. Out: the members of
 * pqf_error. Strings that do not fit are cut at a character's beginning, so that text which was
 * UTF-8 stays UTF-8.
 */
#include "error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const status_names[] = {
#define PQF_X(id, name) name,
    PQF_STATUS_LIST(PQF_X)
#undef PQF_X
};

const char *pqf_status_name(pqf_status status) {
    size_t i = (size_t)status;
    return i < sizeof status_names / sizeof *status_names ? status_names[i] : "unknown";
}

void pqf_error_init(pqf_error *err) {
    err->status = PQF_OK;
    err->os_errno = 0;
    err->file_offset = err->row_group = err->page = -1;
    err->column[0] = err->path[0] = err->message[0] = '\0';
}

/* Copies what fits into cap bytes with the NUL, cut in front of a UTF-8 continuation byte. */
static void copy_text(char *dst, size_t cap, const char *src) {
    size_t len = strlen(src);
    if (len >= cap) {
        len = cap - 1;
        while (len > 0 && ((unsigned char)src[len] & 0xC0) == 0x80)
            len--;
    }
    memcpy(dst, src, len);
    dst[len] = '\0';
}

/* Formats beside err->message first: an argument may be err->message itself. */
static void set_message(pqf_error *err, const char *fmt, va_list args,
                        const char *suffix) {
    char text[sizeof err->message * 2];
    int len = vsnprintf(text, sizeof text, fmt, args);
    size_t used = len < 0 ? 0 : (size_t)len < sizeof text ? (size_t)len : sizeof text - 1;
    text[used] = '\0';
    if (suffix) snprintf(text + used, sizeof text - used, ": %s", suffix);
    copy_text(err->message, sizeof err->message, text);
}

pqf_status pqf_fail(pqf_error *err, pqf_status kind, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    set_message(err, fmt, args, NULL);
    va_end(args);
    err->os_errno = 0;
    return err->status = kind;
}

static const char *errno_text(int os_errno, char *room, size_t cap) {
#if defined(__GLIBC__)
    return strerror_r(os_errno, room, cap);
#else
    return strerror_r(os_errno, room, cap) == 0 ? room : "unknown error";
#endif
}

pqf_status pqf_fail_errno(pqf_error *err, int os_errno, const char *fmt, ...) {
    char room[128];
    va_list args;
    va_start(args, fmt);
    set_message(err, fmt, args, errno_text(os_errno, room, sizeof room));
    va_end(args);
    err->os_errno = os_errno;
    return err->status = PQF_IO;
}

pqf_status pqf_error_at_path(pqf_error *err, const char *path) {
    if (!err->path[0] && path) copy_text(err->path, sizeof err->path, path);
    return err->status;
}

pqf_status pqf_error_at_row_group(pqf_error *err, int64_t row_group) {
    if (err->row_group < 0) err->row_group = row_group;
    return err->status;
}

pqf_status pqf_error_at_column(pqf_error *err, const char *column) {
    if (!err->column[0] && column) copy_text(err->column, sizeof err->column, column);
    return err->status;
}

pqf_status pqf_error_at_page(pqf_error *err, int64_t page, int64_t file_offset) {
    if (err->page < 0) err->page = page;
    if (err->file_offset < 0) err->file_offset = file_offset;
    return err->status;
}

/* ---- the line of text ---- */

typedef struct text_out {
    char *text;
    size_t cap;
    size_t len; /* of the whole text, also beyond cap */
} text_out;

__attribute__((format(printf, 2, 3))) static void add(text_out *out, const char *fmt,
                                                      ...) {
    bool fits = out->len < out->cap;
    va_list args;
    va_start(args, fmt);
    char *at = fits ? out->text + out->len : NULL;
    int n = vsnprintf(at, fits ? out->cap - out->len : 0, fmt, args);
    va_end(args);
    if (n > 0) out->len += (size_t)n;
}

/* 48311022 as 48,311,022. */
static void add_grouped(text_out *out, int64_t v) {
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%lld", (long long)v);
    for (int i = 0; i < n; i++)
        add(out, i > 0 && (n - i) % 3 == 0 ? ",%c" : "%c", digits[i]);
}

size_t pqf_error_text(const pqf_error *err, char *text, size_t text_bytes) {
    text_out out = {text, text_bytes, 0};
    if (text_bytes) text[0] = '\0';
    bool inside = err->row_group >= 0 || err->column[0] || err->page >= 0;
    const char *comma = "";
    if (err->path[0]) add(&out, inside ? "%s: " : "%s", err->path);
    if (err->row_group >= 0) {
        add(&out, "row group %lld", (long long)err->row_group);
        comma = ", ";
    }
    if (err->column[0]) {
        add(&out, "%scolumn %s", comma, err->column);
        comma = ", ";
    }
    if (err->page >= 0) add(&out, "%spage %lld", comma, (long long)err->page);
    if (err->file_offset >= 0) {
        add(&out, out.len ? " (byte " : "(byte ");
        add_grouped(&out, err->file_offset);
        add(&out, ")");
    }
    add(&out, out.len ? ": %s" : "%s", err->message);
    return out.len;
}
