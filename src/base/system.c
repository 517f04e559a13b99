/* SPDX-License-Identifier: Apache-2.0
 *
 * system.c (room base): what the operating system lets this process use: cores and memory.
 *
 * In: affinity, the control groups of /proc/self/cgroup (version 1 and 2, every ancestor counts),
 * /proc/meminfo, resource limits. Out: pqf_num_cores and pqf_mem_available. What cannot be read
 * limits nothing.
 */
#include "bits.h"
#include "mem.h"
#include "thread.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#ifdef __linux__
#include <sched.h>
#endif

/* The first cap - 1 bytes of a small file, NUL-terminated. */
static bool read_text(const char *path, char *text, size_t cap) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    size_t len = 0;
    ssize_t n;
    while (len + 1 < cap && (n = read(fd, text + len, cap - 1 - len)) > 0)
        len += (size_t)n;
    close(fd);
    text[len] = '\0';
    return len > 0;
}

/* The number behind `key` at a line's beginning ("": the file's first); -1 where there is none. */
static int64_t number_after(const char *text, const char *key) {
    size_t key_len = strlen(key);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        if (*line == '\n') line++;
        if (strncmp(line, key, key_len) != 0) continue;
        char *end;
        long long v = strtoll(line + key_len, &end, 10);
        return end == line + key_len ? -1 : (int64_t)v;
    }
    return -1;
}

static int64_t file_number(const char *folder, const char *name, const char *key) {
    char path[1200], text[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return read_text(path, text, sizeof text) ? number_after(text, key) : -1;
}

/* ---- control groups ---- */

typedef struct cgroup_kind {
    const char *controller; /* "": version 2 */
    const char *mount;
    const char *limit, *usage, *idle_key; /* memory: files, and the key of memory.stat */
} cgroup_kind;

static const cgroup_kind memory_kinds[] = {
    {"", "/sys/fs/cgroup", "memory.max", "memory.current", "inactive_file "},
    {"memory", "/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes",
     "total_inactive_file "},
};

static const cgroup_kind cpu_kinds[] = {
    {"", "/sys/fs/cgroup", NULL, NULL, NULL},
    {"cpu", "/sys/fs/cgroup/cpu", NULL, NULL, NULL},
};

static bool has_controller(const char *list, size_t len, const char *controller) {
    size_t want = strlen(controller);
    if (want == 0) return len == 0;
    for (const char *p = list, *end = list + len; p < end;) {
        const char *comma = memchr(p, ',', (size_t)(end - p));
        size_t n = (size_t)((comma ? comma : end) - p);
        if (n == want && memcmp(p, controller, n) == 0) return true;
        p += n + 1;
    }
    return false;
}

/* Lines of /proc/self/cgroup are id:controller,controller:/path. */
static bool own_cgroup(const char *controller, char *path, size_t cap) {
    char text[4096];
    if (!read_text("/proc/self/cgroup", text, sizeof text)) return false;
    for (char *line = text; *line;) {
        char *end = strchr(line, '\n');
        if (end) *end = '\0';
        char *list = strchr(line, ':');
        char *at = list ? strchr(list + 1, ':') : NULL;
        if (at && has_controller(list + 1, (size_t)(at - list - 1), controller)) {
            snprintf(path, cap, "%s", at + 1);
            return true;
        }
        if (!end) break;
        line = end + 1;
    }
    return false;
}

typedef int64_t (*limit_fn)(const cgroup_kind *kind, const char *folder);

/* The least limit from the process's own group up to the root. */
static int64_t least_limit(const cgroup_kind *kind, limit_fn limit) {
    char path[1024], folder[1100];
    int64_t least = INT64_MAX;
    if (!own_cgroup(kind->controller, path, sizeof path)) return least;
    for (;;) {
        snprintf(folder, sizeof folder, "%s%s", kind->mount, path);
        least = pqf_min_i64(least, limit(kind, folder));
        char *slash = strrchr(path, '/');
        if (!slash) return least;
        *slash = '\0';
    }
}

/* Cached file pages count as used but are given up at need. */
static int64_t memory_left(const cgroup_kind *kind, const char *folder) {
    int64_t limit = file_number(folder, kind->limit, "");
    if (limit < 0 || limit >= INT64_MAX / 2) return INT64_MAX;
    int64_t usage = pqf_max_i64(file_number(folder, kind->usage, ""), 0);
    int64_t idle = pqf_max_i64(file_number(folder, "memory.stat", kind->idle_key), 0);
    return pqf_max_i64(limit - pqf_max_i64(usage - idle, 0), 0);
}

static int64_t cores_of_quota(int64_t quota, int64_t period) {
    return quota > 0 && period > 0 ? (quota - 1) / period + 1 : INT64_MAX;
}

static int64_t cpu_quota(const cgroup_kind *kind, const char *folder) {
    if (*kind->controller)
        return cores_of_quota(file_number(folder, "cpu.cfs_quota_us", ""),
                              file_number(folder, "cpu.cfs_period_us", ""));
    char path[1200], text[64];
    long long quota, period;
    snprintf(path, sizeof path, "%s/cpu.max", folder);
    if (!read_text(path, text, sizeof text)) return INT64_MAX;
    if (sscanf(text, "%lld %lld", &quota, &period) != 2)
        return INT64_MAX; /* "max 100000" */
    return cores_of_quota(quota, period);
}

/* ---- cores ---- */

static int64_t cores_by_affinity(void) {
#ifdef __linux__
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
    return sysconf(_SC_NPROCESSORS_ONLN);
}

int pqf_num_cores(void) {
    static _Atomic int64_t quota; /* of the detected CPU; 0: not read yet */
    int64_t cores = atomic_load(&quota);
    if (cores == 0) {
        cores = pqf_min_i64(least_limit(&cpu_kinds[0], cpu_quota),
                            least_limit(&cpu_kinds[1], cpu_quota));
        atomic_store(&quota, cores);
    }
    cores = pqf_min_i64(cores, cores_by_affinity());
    return cores < 1 ? 1 : cores > INT32_MAX ? INT32_MAX : (int)cores;
}

/* ---- memory ---- */

static int64_t machine_memory(void) {
    int64_t kib = file_number("/proc", "meminfo", "MemAvailable:");
    if (kib >= 0) return kib * 1024;
    int64_t pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE), bytes;
    return pages > 0 && pqf_mul_i64(pages, page, &bytes) ? bytes : INT64_MAX;
}

/* Reading /proc takes longer than reading a tiny file, so the system's part holds for 100 ms. */
static int64_t system_memory(void) {
    static _Atomic int64_t last, last_ns;
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    int64_t now = (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
    int64_t bytes = atomic_load(&last);
    if (bytes > 0 && now - atomic_load(&last_ns) < 100000000) return bytes;
    bytes = machine_memory();
    for (size_t i = 0; i < sizeof memory_kinds / sizeof *memory_kinds; i++)
        bytes = pqf_min_i64(bytes, least_limit(&memory_kinds[i], memory_left));
    atomic_store(&last, bytes);
    atomic_store(&last_ns, now);
    return bytes;
}

/* statm: pages of total size, resident, shared, text, library (0), data and stack. */
static int64_t pages_in_use(int column) {
    char text[256];
    if (!read_text("/proc/self/statm", text, sizeof text)) return 0;
    const char *p = text;
    for (int i = 0; i < column && p; i++) {
        p = strchr(p, ' ');
        if (p) p++;
    }
    return p ? strtoll(p, NULL, 10) : 0;
}

static int64_t left_under(int resource, int statm_column) {
    struct rlimit limit;
    if (getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return INT64_MAX;
    if (limit.rlim_cur > INT64_MAX / 2) return INT64_MAX;
    int64_t used = pages_in_use(statm_column) * sysconf(_SC_PAGESIZE);
    return pqf_max_i64((int64_t)limit.rlim_cur - used, 0);
}

int64_t pqf_mem_available(void) {
    int64_t bytes = system_memory();
    bytes = pqf_min_i64(bytes, left_under(RLIMIT_AS, 0));
    return pqf_min_i64(bytes, left_under(RLIMIT_DATA, 5));
}
