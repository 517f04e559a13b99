/* SPDX-License-Identifier: Apache-2.0
 *
 * folder.h: a temporary folder for one test, and small files in it. Everything that the tests of
 * room io write lies in such a folder.
 */
#ifndef PQF_TESTS_IO_FOLDER_H
#define PQF_TESTS_IO_FOLDER_H

#include "io/io.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct folder {
    char path[64];
    char room[4][4600]; /* of the paths given out, in turn */
    int next;
} folder;

static inline void folder_begin(folder *f) {
    strcpy(f->path, "/tmp/pqf_io_XXXXXX");
    assert_non_null(mkdtemp(f->path));
    f->next = 0;
}

/* Valid until the fourth call after. */
static inline const char *in(folder *f, const char *name) {
    char *room = f->room[f->next++ % 4];
    size_t len = strlen(f->path);
    memcpy(room, f->path, len);
    room[len] = '/';
    strcpy(room + len + 1, name);
    return room;
}

static inline void write_text(const char *path, const char *text) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

static inline void check_text(const char *path, const char *expected) {
    char text[256] = "";
    FILE *file = fopen(path, "rb");
    if (!file) fail_msg("%s is missing", path);
    size_t n = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[n] = '\0';
    assert_string_equal(text, expected);
}

static inline bool exists(const char *path) {
    struct stat st;
    return lstat(path, &st) == 0;
}

typedef struct name_list {
    char text[8192];
} name_list;

static inline pqf_status add_name(void *context, const char *name, pqf_fs_type type,
                                  pqf_error *err) {
    static const char kinds[] = {'f', 'd', 'o'};
    name_list *list = context;
    size_t len = strlen(list->text);
    (void)err;
    snprintf(list->text + len, sizeof list->text - len, "%s%c:%s", len ? " " : "",
             kinds[type], name);
    return PQF_OK;
}

/* "d:folder f:file o:other", sorted; the folder must be readable and nothing may leak. */
static inline const char *names_in(const char *path, name_list *list) {
    pqf_error err;
    pqf_mem *mem;
    pqf_error_init(&err);
    list->text[0] = '\0';
    assert_int_equal(pqf_mem_new(0, &mem, &err), PQF_OK);
    if (pqf_fs_list(path, mem, add_name, list, &err) != PQF_OK)
        fail_msg("%s", err.message);
    assert_int_equal(pqf_mem_used(mem), 0);
    pqf_mem_release(mem);
    return list->text;
}

static inline void check_names(const char *path, const char *expected) {
    name_list list;
    assert_string_equal(names_in(path, &list), expected);
}

static inline void folder_end(folder *f) {
    pqf_error err;
    pqf_error_init(&err);
    assert_int_equal(pqf_fs_remove_tree(f->path, NULL, NULL, &err), PQF_OK);
    assert_false(exists(f->path));
}

#endif
