/* SPDX-License-Identifier: Apache-2.0
 *
 * place.c: from the path that a caller gives to the dataset's folder, links resolved, and
 * the hidden sibling beside it. A link as dataset stays a link: what is replaced is the
 * folder that it leads to.
 */
#include "inner.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

/* True when `dir` is `inner` or one of its ancestors (both absolute, links resolved). */
static bool holds(const char *dir, const char *inner) {
    size_t n = strlen(dir);
    return n == 1 || (!strncmp(dir, inner, n) && (inner[n] == '/' || !inner[n]));
}

static const char *home_folder(void) {
    const char *home = getenv("HOME");
    if (home && *home) return home;
    const struct passwd *user = getpwuid(getuid());
    return user ? user->pw_dir : NULL;
}

/* Overwriting replaces everything: not these folders, nor what they lie in. */
pqf_status pqf_place_check_overwrite(const char *dir, pqf_error *err) {
    char here[PATH_MAX], home[PATH_MAX];
    const char *name = home_folder();
    bool refused = !strcmp(dir, "/") || (getcwd(here, sizeof here) && holds(dir, here)) ||
                   (name && realpath(name, home) && holds(dir, home));
    if (!refused) return PQF_OK;
    return pqf_fail(
        err, PQF_INVALID,
        "refusing to overwrite %s: it is or holds the root, the home or the current "
        "folder; give a folder of its own",
        dir);
}

/* The absolute path with links resolved; the last component and its parents may be
 * missing. */
static pqf_status resolve(pqf_arena *arena, const char *dir, const char **out,
                          pqf_error *err) {
    char real[PATH_MAX];
    const char *copy, *parent, *resolved;
    size_t n = strlen(dir);
    if (!n) return pqf_fail(err, PQF_INVALID, "the output folder has no name");
    if (realpath(dir, real))
        return pqf_arena_string(arena, pqf_bytes_of(real, strlen(real)), out, err);
    if (errno != ENOENT) return pqf_fail_errno(err, errno, "cannot use the folder");
    while (n > 1 && dir[n - 1] == '/')
        n--;
    TRY(pqf_arena_string(arena, pqf_bytes_of(dir, n), &copy, err));
    const char *slash = strrchr(copy, '/');
    if (!slash)
        parent = ".";
    else
        TRY(pqf_arena_string(
            arena, pqf_bytes_of(copy, slash == copy ? 1 : (size_t)(slash - copy)),
            &parent, err));
    TRY(resolve(arena, parent, &resolved, err));
    const char *last = slash ? slash + 1 : copy;
    if (!strcmp(last, "..")) return pqf_fail_errno(err, ENOENT, "cannot use the folder");
    if (!strcmp(last, ".")) last = "";
    *out = resolved;
    if (!*last) return PQF_OK;
    return pqf_arena_printf(arena, out, err, "%s/%s",
                            strcmp(resolved, "/") ? resolved : "", last);
}

pqf_status pqf_place_find(pqf_arena *arena, const char *dir, pqf_place *out,
                          pqf_error *err) {
    TRY(resolve(arena, dir, &out->dir, err));
    const char *slash = strrchr(out->dir, '/');
    size_t n = slash == out->dir ? 1 : (size_t)(slash - out->dir);
    TRY(pqf_arena_string(arena, pqf_bytes_of(out->dir, n), &out->parent, err));
    return pqf_arena_printf(arena, &out->sibling, err, "%s/.%s.forge",
                            strcmp(out->parent, "/") ? out->parent : "", slash + 1);
}
