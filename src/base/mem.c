/* SPDX-License-Identifier: Apache-2.0
 *
 * mem.c (room base): the only caller of malloc and mmap. In: sizes. Out: 64-byte aligned blocks
 * with PQF_SLACK accessible bytes behind, counted against a budget.
 *
 * A small block is a piece of a malloc block, with that block's address right before it:
 *
 *     malloc block   [ up to 64 bytes | address ][ size bytes | slack ]
 *                                                ^ aligned
 *
 * A middle block is a small one of a size class, and comes back through the shelf.
 *
 * A big block is a mapping of exactly mapped_bytes(size): a size class, eight to each power of
 * two. The size alone tells the mapping, so there is no header, a repeated read finds its freed
 * blocks in the cache whatever the rounding, and memory that was never touched costs nothing.
 */
#include "mem.h"

#include "bits.h"
#include "bytes.h"
#include "shelf.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n)   ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

#define BLOCK_ALIGN   ((size_t)64)
#define HUGE_PAGE     ((size_t)2 << 20)
#define CACHE_WARM    ((size_t)256 << 20) /* beyond them the system may take cached pages */
#define CACHE_FLOOR   ((size_t)32 << 20)
#define CACHE_MORE    ((size_t)32 << 20)
#define CACHE_BLOCKS  256
#define CACHE_WARM_NS INT64_C(1000000000)
#ifdef MADV_FREE
#define CACHE_KEEP_NS INT64_C(60000000000)
#else
#define CACHE_KEEP_NS CACHE_WARM_NS
#endif
#define SMALLEST_STEP ((size_t)64 << 10) /* the largest page of the machines we know */
#define MOST_BYTES    (INT64_MAX / 4) /* in use at a time: sizes round up without overflow */

struct pqf_mem {
    _Atomic int64_t refs;
    _Atomic int64_t used;
    _Atomic int64_t peak;
    int64_t budget;
};

/* ---- the switch for tests ---- */

static _Atomic int64_t fail_after; /* 0: off */

void pqf_mem_fail_after(int64_t n) { atomic_store(&fail_after, n); }

static bool must_fail(void) {
    if (atomic_load_explicit(&fail_after, memory_order_relaxed) == 0) return false;
    return atomic_fetch_sub(&fail_after, 1) == 1;
}

static pqf_status no_memory(pqf_error *err, size_t size) {
    return pqf_fail(err, PQF_NOMEM, "the operating system gave no memory for %zu bytes",
                    size);
}

static int64_t now_ns(void) {
    struct timespec t;
#ifdef CLOCK_MONOTONIC_COARSE
    clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
#else
    clock_gettime(CLOCK_MONOTONIC, &t);
#endif
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- small blocks ---- */

static void *small_new(size_t size, bool zero) {
    size_t total =
        size + PQF_SLACK + BLOCK_ALIGN; /* size is below PQF_MEM_BIG: no overflow */
    uint8_t *raw = zero ? calloc(1, total) : malloc(total);
    if (!raw) return NULL;
    /* malloc aligns to 16 or more, so there are 16 to 64 bytes before the block. */
    uint8_t *block = raw + (BLOCK_ALIGN - ((uintptr_t)raw & (BLOCK_ALIGN - 1)));
    memcpy(block - sizeof raw, &raw, sizeof raw);
    return block;
}

static void small_free(void *block, size_t size) {
    (void)size;
    void *raw;
    memcpy(&raw, (uint8_t *)block - sizeof raw, sizeof raw);
    free(raw);
}

/* ---- middle blocks ---- */

/* The sanitizer sees reads and writes behind the slack. */
static void mark_accessible(uint8_t *block, size_t size, size_t bytes) {
    ASAN_UNPOISON_MEMORY_REGION(block, bytes);
    ASAN_POISON_MEMORY_REGION(block + size + PQF_SLACK, bytes - size - PQF_SLACK);
}

static void free_chain(pqf_shelved *gone) {
    for (pqf_shelved *next; gone; gone = next) {
        next = gone->below;
        ASAN_UNPOISON_MEMORY_REGION(gone, gone->bytes);
        small_free(gone, 0);
    }
}

static void *middle_take(size_t bytes) {
    pqf_shelved *gone;
    void *block = pqf_shelf_take(bytes, &gone);
    free_chain(gone);
    return block;
}

static void *middle_new(size_t size, bool zero) {
    size_t bytes = pqf_shelf_bytes(size), room = bytes - PQF_SLACK;
    void *block = middle_take(bytes);
    bool warm = block != NULL;
    if (!block) block = small_new(room, zero);
    if (!block) {
        free_chain(pqf_shelf_clear());
        block = small_new(room, zero);
    }
    if (!block) {
        pqf_shelf_unuse(bytes);
        return NULL;
    }
    mark_accessible(block, size, bytes);
    if (zero && warm) memset(block, 0, size);
    return block;
}

static void middle_free(void *block, size_t size) {
    size_t bytes = pqf_shelf_bytes(size);
    ASAN_POISON_MEMORY_REGION(block, bytes);
    ASAN_UNPOISON_MEMORY_REGION(block, sizeof(pqf_shelved));
    free_chain(pqf_shelf_put(block, bytes, now_ns()));
}

static void *middle_resize(void *block, size_t old_size, size_t new_size) {
    if (pqf_shelf_bytes(old_size) == pqf_shelf_bytes(new_size)) {
        mark_accessible(block, new_size, pqf_shelf_bytes(new_size));
        return block;
    }
    void *p = middle_new(new_size, false);
    if (!p) return NULL;
    memcpy(p, block, old_size < new_size ? old_size : new_size);
    middle_free(block, old_size);
    return p;
}

/* ---- mappings ---- */

/* size + slack, rounded up to an eighth of its power of two, whole pages in any case. size is at
 * most MOST_BYTES, see charge. */
static size_t mapped_bytes(size_t size) {
    size_t total = size + PQF_SLACK;
    size_t step = (size_t)1 << (pqf_bit_width(total) - 1 - 3);
    if (step < SMALLEST_STEP) step = SMALLEST_STEP;
    return (total + step - 1) & ~(step - 1);
}

static void unmap(void *block, size_t bytes) {
    ASAN_UNPOISON_MEMORY_REGION(block, bytes);
    munmap(block, bytes);
}

static void *map_plain(size_t bytes, int protection) {
    void *p = mmap(NULL, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

/* Maps a huge page more than asked for and gives back what is before and behind. */
static uint8_t *map_aligned(size_t bytes, int protection) {
    uint8_t *p = map_plain(bytes + HUGE_PAGE, protection);
    if (!p) return NULL;
    size_t before = (HUGE_PAGE - ((uintptr_t)p & (HUGE_PAGE - 1))) & (HUGE_PAGE - 1);
    if (before) munmap(p, before);
    if (before < HUGE_PAGE) munmap(p + before + bytes, HUGE_PAGE - before);
    return p + before;
}

static void advise_huge(void *p, size_t bytes) {
#ifdef MADV_HUGEPAGE
    if (bytes >= HUGE_PAGE) (void)madvise(p, bytes, MADV_HUGEPAGE);
#else
    (void)p, (void)bytes;
#endif
}

static void *map_once(size_t bytes) {
    void *p = NULL;
    if (bytes >= HUGE_PAGE) p = map_aligned(bytes, PROT_READ | PROT_WRITE);
    if (!p)
        p = map_plain(bytes, PROT_READ | PROT_WRITE); /* a limit may allow just that */
    if (p) advise_huge(p, bytes);
    return p;
}

/* ---- the cache of freed mappings: oldest first ----
 *
 *     blocks   [ lent | lent | lent | warm | warm ]
 *                oldest                     newest: at most CACHE_WARM and CACHE_WARM_NS are warm
 *
 * The pages of older blocks are lent to the system (MADV_FREE): it takes them when it needs memory, and until
 * then a page costs a tenth of a fresh one. A huge page is lent and taken back by one bit, so a repeated read
 * of a gigabyte neither faults nor keeps a gigabyte from others. Only the oldest are lent: after such a read an
 * iterator's batches would else be lent and taken back one by one. */

typedef struct cached_block {
    void *block;
    size_t bytes;
    int64_t freed_ns;
    bool lent;
} cached_block;

static struct {
    pthread_mutex_t lock;
    int num_blocks;
    size_t bytes;     /* in the cache */
    size_t warm;      /* of these not lent */
    size_t used;      /* mapped and handed out */
    size_t most_used; /* since the cache was last empty for want of use */
    cached_block blocks[CACHE_BLOCKS];
} cache = {.lock = PTHREAD_MUTEX_INITIALIZER};

static pthread_once_t most_once = PTHREAD_ONCE_INIT;
static size_t most_cached;

static void measure_most(void) {
    size_t quarter = (size_t)pqf_mem_available() / 4;
    most_cached = quarter > CACHE_WARM ? quarter : CACHE_WARM;
}

/* Bytes that may lie in the cache: used and cached blocks together stay below an eighth more than what was
 * really in use at some time, so an iterator over small batches does not collect blocks of sizes that never
 * recur. Without the eighth, windows that grow and pages of other sizes drop blocks of the result that are
 * asked for a moment later. */
static size_t cache_limit(void) {
    size_t most = cache.most_used > CACHE_FLOOR ? cache.most_used : CACHE_FLOOR;
    most += most / 8 < CACHE_MORE ? most / 8 : CACHE_MORE;
    size_t left = most > cache.used ? most - cache.used : 0;
    return left < most_cached ? left : most_cached;
}

/* From here on the pages are the old ones or zero. */
static bool lend_pages(void *block, size_t bytes) {
#ifdef MADV_FREE
    return madvise(block, bytes, MADV_FREE) == 0;
#else
    (void)block, (void)bytes;
    return false;
#endif
}

static void note_used(size_t bytes) {
    cache.used += bytes;
    if (cache.used > cache.most_used) cache.most_used = cache.used;
}

static pthread_once_t fork_once = PTHREAD_ONCE_INIT;

static void before_fork(void) {
    pthread_mutex_lock(&cache.lock);
    pqf_shelf_lock();
}

static void after_fork(void) {
    pqf_shelf_unlock();
    pthread_mutex_unlock(&cache.lock);
}

/* The child gives its copies back: reusing them would copy pages that the parent still has. */
static void in_child(void) {
    for (int i = 0; i < cache.num_blocks; i++)
        unmap(cache.blocks[i].block, cache.blocks[i].bytes);
    cache.num_blocks = 0;
    cache.bytes = cache.warm = 0;
    after_fork();
}

static void watch_forks(void) { (void)pthread_atfork(before_fork, after_fork, in_child); }

static void uncount(const cached_block *b) {
    cache.bytes -= b->bytes;
    if (!b->lent) cache.warm -= b->bytes;
}

/* Takes the oldest n blocks out into `out`; the caller unmaps them without the lock. */
static int drop_oldest(int n, cached_block *out) {
    for (int i = 0; i < n; i++)
        uncount(&cache.blocks[i]);
    memcpy(out, cache.blocks, (size_t)n * sizeof *out);
    cache.num_blocks -= n;
    memmove(cache.blocks, cache.blocks + n, (size_t)cache.num_blocks * sizeof *out);
    return n;
}

/* How many of the oldest blocks have to go: those freed before `since`, and more until `bytes` fit. */
static int num_stale(int64_t since, size_t bytes) {
    size_t kept = cache.bytes, limit = cache_limit();
    int n = 0;
    for (; n < cache.num_blocks; n++) {
        const cached_block *b = &cache.blocks[n];
        bool fits = kept + bytes <= limit && cache.num_blocks - n < CACHE_BLOCKS;
        if (fits && b->freed_ns >= since) break;
        kept -= b->bytes;
    }
    return n;
}

/* Lends the blocks freed before `since`, and more until no more than CACHE_WARM are warm. It is done under the
 * lock: a block that another thread has taken holds data. Where the system borrows nothing, what is beyond
 * goes with the next free. */
static void lend_old(int64_t since) {
    for (int i = 0; i < cache.num_blocks; i++) {
        cached_block *b = &cache.blocks[i];
        if (b->lent) continue;
        if (b->freed_ns >= since && cache.warm <= CACHE_WARM) break;
        b->lent = lend_pages(b->block, b->bytes);
        if (!b->lent) {
            most_cached = CACHE_WARM;
            break;
        }
        cache.warm -= b->bytes;
    }
}

static void unmap_all(const cached_block *blocks, int n) {
    for (int i = 0; i < n; i++)
        unmap(blocks[i].block, blocks[i].bytes);
}

static void *take_at(int i) {
    void *block = cache.blocks[i].block;
    uncount(&cache.blocks[i]);
    cache.num_blocks--;
    memmove(&cache.blocks[i], &cache.blocks[i + 1],
            (size_t)(cache.num_blocks - i) * sizeof *cache.blocks);
    return block;
}

/* The block of exactly `bytes` that was freed last; NULL: none, and the caller maps one. Old blocks stay
 * until the next free: a call that comes after a pause still finds warm memory. */
static void *cache_take(size_t bytes) {
    cached_block gone[CACHE_BLOCKS];
    void *found = NULL;
    pthread_mutex_lock(&cache.lock);
    for (int i = cache.num_blocks - 1; i >= 0 && !found; i--)
        if (cache.blocks[i].bytes == bytes) found = take_at(i);
    note_used(bytes);
    int n = drop_oldest(num_stale(INT64_MIN, 0), gone);
    pthread_mutex_unlock(&cache.lock);
    unmap_all(gone, n);
    return found;
}

/* `bytes` that were counted as used are not: a mapping that failed, or the end of a block. */
static void cache_unuse(size_t bytes) {
    pthread_mutex_lock(&cache.lock);
    cache.used -= bytes;
    pthread_mutex_unlock(&cache.lock);
}

static void cache_put(void *block, size_t bytes) {
    cached_block gone[CACHE_BLOCKS];
    pthread_once(&most_once, measure_most);
    ASAN_POISON_MEMORY_REGION(block, bytes);
    pthread_mutex_lock(&cache.lock);
    int64_t now = now_ns();
    cache.used -= bytes;
    bool keep = bytes <= cache_limit();
    int n = drop_oldest(num_stale(now - CACHE_KEEP_NS, keep ? bytes : 0), gone);
    if (n && !cache.num_blocks) cache.most_used = cache.used + (keep ? bytes : 0);
    if (keep) {
        cache.blocks[cache.num_blocks++] = (cached_block){block, bytes, now, false};
        cache.bytes += bytes;
        cache.warm += bytes;
    }
    lend_old(now - CACHE_WARM_NS);
    pthread_mutex_unlock(&cache.lock);
    unmap_all(gone, n);
    if (!keep) unmap(block, bytes);
}

void pqf_mem_trim(void) {
    cached_block gone[CACHE_BLOCKS];
    pthread_mutex_lock(&cache.lock);
    int n = drop_oldest(cache.num_blocks, gone);
    pthread_mutex_unlock(&cache.lock);
    unmap_all(gone, n);
    free_chain(pqf_shelf_clear());
}

/* ---- big blocks ---- */

static void *big_new(size_t size, bool zero) {
    size_t bytes = mapped_bytes(size);
    void *p = cache_take(bytes);
    bool warm = p != NULL;
    if (!p) p = map_once(bytes);
    if (!p) {
        pqf_mem_trim();
        p = map_once(bytes);
    }
    if (!p) {
        cache_unuse(bytes);
        return NULL;
    }
    mark_accessible(p, size, bytes);
    if (zero && warm) memset(p, 0, size); /* a fresh mapping is zero */
    return p;
}

static void big_free(void *block, size_t size) { cache_put(block, mapped_bytes(size)); }

#ifdef __linux__
/* Grows a mapping, where it is or by moving its pages to an aligned place; NULL: not possible. */
static void *remap(void *block, size_t old_bytes, size_t new_bytes) {
    void *p = mremap(block, old_bytes, new_bytes, 0);
    if (p != MAP_FAILED) return p;
    if (new_bytes < HUGE_PAGE) {
        p = mremap(block, old_bytes, new_bytes, MREMAP_MAYMOVE);
        return p == MAP_FAILED ? NULL : p;
    }
    uint8_t *room = map_aligned(new_bytes, PROT_NONE);
    if (!room) return NULL;
    p = mremap(block, old_bytes, new_bytes, MREMAP_MAYMOVE | MREMAP_FIXED, room);
    if (p != MAP_FAILED) return p;
    munmap(room, new_bytes);
    return NULL;
}
#else
static void *remap(void *block, size_t old_bytes, size_t new_bytes) {
    (void)block, (void)old_bytes, (void)new_bytes;
    return NULL;
}
#endif

static void *grow_by_copy(void *to, void *block, size_t old_size, size_t new_size) {
    mark_accessible(to, new_size, mapped_bytes(new_size));
    memcpy(to, block, old_size);
    big_free(block, old_size);
    return to;
}

/* A warm block and a copy beat fresh pages; remapping beats fresh pages and a copy. */
static void *big_grow(void *block, size_t old_size, size_t new_size) {
    size_t old_bytes = mapped_bytes(old_size), new_bytes = mapped_bytes(new_size);
    void *p = cache_take(new_bytes); /* counts new_bytes as used */
    if (p) return grow_by_copy(p, block, old_size, new_size);
    ASAN_UNPOISON_MEMORY_REGION(block, old_bytes);
    p = remap(block, old_bytes, new_bytes);
    if (!p) {
        pqf_mem_trim();
        p = remap(block, old_bytes, new_bytes);
    }
    if (p) {
        if (old_bytes < HUGE_PAGE || p != block) advise_huge(p, new_bytes);
        mark_accessible(p, new_size, new_bytes);
        cache_unuse(old_bytes);
        return p;
    }
    mark_accessible(block, old_size, old_bytes);
    p = map_once(new_bytes);
    if (p) return grow_by_copy(p, block, old_size, new_size);
    cache_unuse(new_bytes);
    return NULL;
}

static void *big_resize(void *block, size_t old_size, size_t new_size) {
    size_t old_bytes = mapped_bytes(old_size), new_bytes = mapped_bytes(new_size);
    if (new_bytes > old_bytes) return big_grow(block, old_size, new_size);
    if (new_bytes < old_bytes) {
        unmap((uint8_t *)block + new_bytes, old_bytes - new_bytes);
        cache_unuse(old_bytes - new_bytes);
    }
    mark_accessible(block, new_size, new_bytes);
    return block;
}

/* ---- the kinds ---- */

static void *small_resize(void *block, size_t old_size, size_t new_size) {
    void *p = small_new(new_size, false);
    if (!p) return NULL;
    memcpy(p, block, old_size < new_size ? old_size : new_size);
    small_free(block, old_size);
    return p;
}

static const struct kind {
    size_t below; /* sizes */
    void *(*make)(size_t size, bool zero);
    void (*give_back)(void *block, size_t size);
    void *(*resize)(void *block, size_t old_size, size_t new_size); /* within the kind */
    bool shrinks_in_place;
} kinds[] = {
    {PQF_SHELF_LEAST, small_new, small_free, small_resize, false},
    {PQF_MEM_BIG, middle_new, middle_free, middle_resize, false},
    {SIZE_MAX, big_new, big_free, big_resize, true}, /* sizes are MOST_BYTES at most */
};

static const struct kind *kind_of(size_t size) {
    const struct kind *kind = kinds;
    while (size >= kind->below)
        kind++;
    return kind;
}

static void *block_new(size_t size, bool zero) {
    return must_fail() ? NULL : kind_of(size)->make(size, zero);
}

static void block_free(void *block, size_t size) {
    kind_of(size)->give_back(block, size);
}

static void *block_resize(void *block, size_t old_size, size_t new_size) {
    const struct kind *from = kind_of(old_size), *to = kind_of(new_size);
    bool allocates = from != to || new_size > old_size || !from->shrinks_in_place;
    if (allocates && must_fail()) return NULL;
    if (from == to) return from->resize(block, old_size, new_size);
    void *p = to->make(new_size, false);
    if (!p) return NULL;
    memcpy(p, block, old_size < new_size ? old_size : new_size);
    from->give_back(block, old_size);
    return p;
}

/* ---- the counted handle ---- */

pqf_status pqf_mem_new(int64_t budget, pqf_mem **out, pqf_error *err) {
    pthread_once(
        &fork_once,
        watch_forks); /* before those who, at a fork, wait for whoever uses memory */
    pqf_mem *mem = must_fail() ? NULL : malloc(sizeof *mem);
    if (!mem) return no_memory(err, sizeof *mem);
    atomic_init(&mem->refs, 1);
    atomic_init(&mem->used, 0);
    atomic_init(&mem->peak, 0);
    mem->budget = budget;
    *out = mem;
    return PQF_OK;
}

pqf_mem *pqf_mem_retain(pqf_mem *mem) {
    atomic_fetch_add_explicit(&mem->refs, 1, memory_order_relaxed);
    return mem;
}

void pqf_mem_release(pqf_mem *mem) {
    if (mem && atomic_fetch_sub_explicit(&mem->refs, 1, memory_order_acq_rel) == 1)
        free(mem);
}

int64_t pqf_mem_used(const pqf_mem *mem) { return atomic_load(&mem->used); }
int64_t pqf_mem_peak(const pqf_mem *mem) { return atomic_load(&mem->peak); }

int64_t pqf_mem_left(const pqf_mem *mem) {
    return mem->budget ? pqf_max_i64(mem->budget - pqf_mem_used(mem), 0) : INT64_MAX;
}

static void raise_peak(pqf_mem *mem, int64_t used) {
    int64_t peak = atomic_load_explicit(&mem->peak, memory_order_relaxed);
    while (used > peak && !atomic_compare_exchange_weak(&mem->peak, &peak, used)) {
    }
}

static pqf_status over_budget(const pqf_mem *mem, size_t size, int64_t used,
                              pqf_error *err) {
    if (!mem->budget) return no_memory(err, size);
    return pqf_fail(
        err, PQF_LIMIT,
        "%zu bytes more are needed, and %lld of the %lld bytes of memory_limit are "
        "in use: raise memory_limit, or read or write in smaller pieces",
        size, (long long)used, (long long)mem->budget);
}

/* Counts `size` more bytes as used; compares before it counts, so that one request that is too
 * large makes no other thread's fail. What it lets pass is at most MOST_BYTES. */
static pqf_status charge(pqf_mem *mem, size_t size, pqf_error *err) {
    int64_t limit = mem->budget ? pqf_min_i64(mem->budget, MOST_BYTES) : MOST_BYTES;
    int64_t used = atomic_load_explicit(&mem->used, memory_order_relaxed);
    do {
        if (size > (size_t)(limit - used)) return over_budget(mem, size, used, err);
    } while (!atomic_compare_exchange_weak(&mem->used, &used, used + (int64_t)size));
    raise_peak(mem, used + (int64_t)size);
    return PQF_OK;
}

static void discharge(pqf_mem *mem, size_t size) {
    atomic_fetch_sub(&mem->used, (int64_t)size);
}

static pqf_status alloc(pqf_mem *mem, size_t size, bool zero, void **out,
                        pqf_error *err) {
    TRY(charge(mem, size, err));
    void *block = block_new(size, zero);
    if (!block) {
        discharge(mem, size);
        return no_memory(err, size);
    }
    *out = block;
    return PQF_OK;
}

pqf_status pqf_mem_alloc(pqf_mem *mem, size_t size, void **out, pqf_error *err) {
    return alloc(mem, size, false, out, err);
}

pqf_status pqf_mem_zalloc(pqf_mem *mem, size_t size, void **out, pqf_error *err) {
    return alloc(mem, size, true, out, err);
}

pqf_status pqf_mem_resize(pqf_mem *mem, void **block, size_t old_size, size_t new_size,
                          pqf_error *err) {
    if (!*block) return alloc(mem, new_size, false, block, err);
    if (new_size == old_size) return PQF_OK;
    if (new_size > old_size) TRY(charge(mem, new_size - old_size, err));
    void *p = block_resize(*block, old_size, new_size);
    if (!p) {
        if (new_size > old_size) discharge(mem, new_size - old_size);
        return no_memory(err, new_size);
    }
    if (new_size < old_size) discharge(mem, old_size - new_size);
    *block = p;
    return PQF_OK;
}

void pqf_mem_free(pqf_mem *mem, void *block, size_t size) {
    if (!block) return;
    block_free(block, size);
    discharge(mem, size);
}
