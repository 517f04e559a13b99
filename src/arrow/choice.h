/* SPDX-License-Identifier: Apache-2.0
 *
 * choice.h: inner header of the room arrow: what names below a field, for paths. Lists are
 * passed through, a map has a key and a value.
 */
#ifndef PQF_ARROW_CHOICE_H
#define PQF_ARROW_CHOICE_H

#include "type.h"

/* The fields below one field, or the columns. */
typedef struct pqf_level {
    struct ArrowSchema *const *fields;
    int64_t num_fields; /* 0: nothing below */
    bool is_map;
} pqf_level;

static inline bool pqf_format_is_list(const char *format) {
    return format[0] == '+' && format[1] && strchr("lLwv", format[1]);
}

static inline pqf_level pqf_level_below(const struct ArrowSchema *field) {
    while (pqf_format_is_list(field->format))
        field = field->children[0];
    bool is_map = !strcmp(field->format, "+m");
    if (is_map) field = field->children[0];
    if (strcmp(field->format, "+s") != 0) return (pqf_level){0};
    return (pqf_level){field->children, field->n_children, is_map};
}

static inline const char *pqf_level_name(const pqf_level *level, int64_t i) {
    if (level->is_map) return i ? "value" : "key";
    return pqf_field_name(level->fields[i]);
}

#endif
