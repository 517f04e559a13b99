/* SPDX-License-Identifier: Apache-2.0
 *
 * dict_builder.c: writing a dictionary (Encodings.md, Dictionary Encoding). In come values, out
 * go their codes and the PLAIN bytes of the dictionary page, in which distinct values stand in
 * the order of their first appearance.
 *
 * The page is the only copy of the values. Beside it stands an open-addressing table with linear
 * probing; a slot holds the code plus one, 0 is free.
 *
 *   widths 1 to 8    slot: u32 code. The key is compared in the page.
 *   everything else  slot: 24 bytes. Values of up to 16 bytes stand in the slot itself, longer ones
 *                    have their 64-bit hash there and where they lie in the page.
 *
 * The table is grown from the page, which needs no second table to read from. The inner loops run
 * until a new value finds no room; room is made outside of them. Hashes have no secret: values
 * made to collide cost time, bounded by the maximum of the page. Values are foreign memory,
 * nothing behind them is read.
 */
#include "row.h"

/* Odd, without pattern: the fractional digits of sqrt(2), sqrt(3), sqrt(5), sqrt(7). */
#define K0 UINT64_C(0x6A09E667F3BCC909)
#define K1 UINT64_C(0xBB67AE8584CAA73B)
#define K2 UINT64_C(0x3C6EF372FE94F82B)
#define K3 UINT64_C(0xA54FF53A5F1D36F1)

#define FIRST_WORD_BITS 10 /* 4 KiB of slots */
#define FIRST_BYTE_BITS 8  /* 6 KiB */
#define FIXED_BLOCK     256

typedef struct byte_slot {
    uint64_t a; /* bytes 0..7, zeros behind the value; longer than 16 bytes: the hash */
    uint64_t
        b; /* bytes 8..15; longer than 16 bytes: where the value begins in the page */
    uint32_t len;
    uint32_t code1; /* code + 1 */
} byte_slot;

struct pqf_dict_builder {
    pqf_mem *mem;
    pqf_layout layout;
    int32_t width;
    bool words; /* widths 1 to 8 */
    pqf_buf page;
    pqf_buf
        starts; /* BINARY: uint32 each, where the bytes of a value begin in the page */
    int64_t num_values;
    void *slots;
    size_t slots_bytes; /* of the block; 1 << bits slots of it are in use */
    int bits;
    bool strong; /* words: the hash with two products */
};

/* ---- the table ---- */

static bool are_words(pqf_layout layout, int32_t width) {
    return layout == PQF_FIXED && width >= 1 && width <= 8;
}

static size_t slot_bytes(const pqf_dict_builder *b) {
    return b->words ? sizeof(uint32_t) : sizeof(byte_slot);
}

static int first_bits(const pqf_dict_builder *b) {
    return b->words ? FIRST_WORD_BITS : FIRST_BYTE_BITS;
}

/* How many values a table takes. Few collisions matter more than a small table as long as it
 * stays in a cache: the share of slots in use goes up from 1/8 to 1/2 as it leaves L1 and L2. */
static int64_t limit_of(bool words, int bits) {
    int64_t slots = (int64_t)1 << bits;
    if (bits <= (words ? 14 : 15)) return slots / 8;
    return bits <= (words ? 17 : 18) ? slots / 4 : slots / 2;
}

static int64_t slots_limit(const pqf_dict_builder *b) {
    return limit_of(b->words, b->bits);
}

int64_t pqf_dict_table_bytes(pqf_layout layout, int32_t width, int64_t num_values) {
    bool words = are_words(layout, width);
    int bits = words ? FIRST_WORD_BITS : FIRST_BYTE_BITS;
    while (bits < 32 && limit_of(words, bits) < num_values)
        bits += bits < 14 ? 2 : 1;
    return (int64_t)(words ? sizeof(uint32_t) : sizeof(byte_slot)) << bits;
}

/* An empty table of 1 << bits slots. The old one goes first: the values stand in the page. On
 * failure there is none, as after pqf_dict_builder_fold. */
static pqf_status slots_init(pqf_dict_builder *b, int bits, pqf_error *err) {
    size_t need = slot_bytes(b) << bits;
    if (need <= b->slots_bytes) {
        memset(b->slots, 0, need);
    } else {
        void *block;
        pqf_dict_builder_fold(b);
        TRY(pqf_mem_zalloc(b->mem, need, &block, err));
        b->slots = block;
        b->slots_bytes = need;
    }
    b->bits = bits;
    return PQF_OK;
}

/* ---- words ---- */

/* Loads that overlap, so that no byte but these is read. */
static inline uint64_t word_load(const uint8_t *p, int width) {
    if (width == 8) return pqf_load_u64(p);
    if (width == 4) return pqf_load_u32(p);
    if (width > 4)
        return pqf_load_u32(p) | (uint64_t)pqf_load_u32(p + width - 4) << 8 * (width - 4);
    return p[0] | (uint32_t)p[width / 2] << 8 * (width / 2) |
           (uint32_t)p[width - 1] << 8 * (width - 1);
}

/* A product spreads dense numbers without a single collision, but there are steps between numbers
 * that it maps to neighbouring slots, where finding a value takes as many steps as there are
 * values. So it is the product alone until values are found to pile up (see words_settle), then a
 * second one. */
static inline uint64_t word_hash(uint64_t x, bool strong) {
    x *= K0;
    return strong ? (x ^ x >> 32) * K1 : x;
}

static void words_rehash(pqf_dict_builder *b) {
    uint32_t *slots = b->slots;
    size_t mask = ((size_t)1 << b->bits) - 1;
    for (int64_t i = 0; i < b->num_values; i++) {
        uint64_t x = word_load(b->page.data + i * b->width, b->width);
        size_t at = (size_t)(word_hash(x, b->strong) >> (64 - b->bits));
        while (slots[at])
            at = (at + 1) & mask;
        slots[at] = (uint32_t)i + 1;
    }
}

/* A fair hash needs half a step per value where the table is half full, 1.5 for new ones. */
static void words_settle(pqf_dict_builder *b, int64_t num_steps, int64_t num_values) {
    if (b->strong || num_steps < num_values * 4 + 64) return;
    b->strong = true;
    memset(b->slots, 0, slot_bytes(b) << b->bits);
    words_rehash(b);
}

/* Which of the loops below runs. */
typedef struct word_loop {
    int width;
    bool runs;   /* a value is compared with the one before it first */
    bool strong; /* hash */
} word_loop;

/* Returns how many values were taken: fewer than n when a new one would be number `limit`. */
static inline __attribute__((always_inline)) int64_t words_put(pqf_dict_builder *b,
                                                               const uint8_t *values,
                                                               int64_t n, int64_t limit,
                                                               uint32_t *codes,
                                                               word_loop loop) {
    uint32_t *slots = b->slots;
    uint8_t *keys = b->page.data;
    int shift = 64 - b->bits;
    size_t mask = ((size_t)1 << b->bits) - 1;
    size_t width = (size_t)loop.width;
    uint32_t num = (uint32_t)b->num_values;
    int64_t i = 0, num_steps = 0;
    for (; i < n; i++, values += width) {
        uint64_t x = word_load(values, loop.width);
        if (loop.runs && i > 0 && x == word_load(values - width, loop.width)) {
            codes[i] = codes[i - 1];
            continue;
        }
        size_t at = (size_t)(word_hash(x, loop.strong) >> shift);
        uint32_t code1 = slots[at];
        while (code1 != 0 && word_load(keys + (code1 - 1) * width, loop.width) != x) {
            at = (at + 1) & mask;
            code1 = slots[at];
            num_steps++;
        }
        if (code1 == 0) {
            if (num == limit) break;
            memcpy(keys + num * width, values, width);
            slots[at] = code1 = ++num;
        }
        codes[i] = code1 - 1;
    }
    b->num_values = num;
    b->page.len = num * width;
    words_settle(b, num_steps, i);
    return i;
}

/* Equal neighbours among the first values: where there are many, comparing is predicted well. */
static bool has_runs(const uint8_t *values, int64_t n, int width) {
    int64_t num_equal = 0, sample = pqf_min_i64(n, 64);
    for (int64_t i = 1; i < sample; i++)
        num_equal += word_load(values + i * width, width) ==
                     word_load(values + (i - 1) * width, width);
    return num_equal * 2 > sample;
}

#define WORD_LOOP(width, runs, strong)                                                   \
    words_put(b, values, n, limit, codes, (word_loop){width, runs, strong})

/* 7 bytes are DECIMAL(15, s) and (16, s). */
#define WORD_LOOPS(width)                                                                \
    do {                                                                                 \
        if (b->strong)                                                                   \
            return runs ? WORD_LOOP(width, true, true) : WORD_LOOP(width, false, true);  \
        return runs ? WORD_LOOP(width, true, false) : WORD_LOOP(width, false, false);    \
    } while (0)

static int64_t words_put_block(pqf_dict_builder *b, const uint8_t *values, int64_t n,
                               int64_t limit, uint32_t *codes) {
    bool runs = has_runs(values, n, b->width);
    switch (b->width) {
    case 4: WORD_LOOPS(4);
    case 7: WORD_LOOPS(7);
    case 8: WORD_LOOPS(8);
    default: WORD_LOOPS(b->width);
    }
}

/* ---- bytes ---- */

static inline uint64_t mum(uint64_t x, uint64_t y) {
    unsigned __int128 product = (unsigned __int128)x * y;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

typedef struct byte_key {
    uint64_t a, b, hash;
} byte_key;

/* 0..16 bytes as two words, reading 16 bytes. What lies behind the value is masked by a window that
 * slides over 16 ones and 16 zeros. */
static inline void load_wide(const uint8_t *p, uint32_t len, byte_key *key) {
    static const uint8_t window[32] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
                                       0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
    const uint8_t *mask = window + 16 - len;
    key->a = pqf_load_u64(p) & pqf_load_u64(mask);
    key->b = pqf_load_u64(p + 8) & pqf_load_u64(mask + 8);
}

/* The same reading these bytes alone: loads that overlap. */
static inline void load_exact(const uint8_t *p, uint32_t len, byte_key *key) {
    key->b = 0;
    if (len > 8) {
        key->a = pqf_load_u64(p);
        key->b = pqf_load_u64(p + len - 8) >> 8 * (16 - len);
    } else if (len == 8) {
        key->a = pqf_load_u64(p);
    } else if (len >= 4) {
        key->a = pqf_load_u32(p) | (uint64_t)pqf_load_u32(p + len - 4) << 8 * (len - 4);
    } else if (len > 0) {
        uint64_t middle = p[len / 2], last = p[len - 1];
        key->a = p[0] | middle << 8 * (len / 2) | last << 8 * (len - 1);
    } else {
        key->a = 0;
    }
}

/* More than 16 bytes: 16 at a time, the last 16 wherever they begin. */
static inline uint64_t hash_long(const uint8_t *p, uint32_t len) {
    const uint8_t *last = p + len - 16;
    uint64_t hash = len * K0;
    for (; p < last; p += 16)
        hash = mum(pqf_load_u64(p) ^ K1, pqf_load_u64(p + 8) ^ hash);
    hash = mum(pqf_load_u64(last) ^ K2, pqf_load_u64(last + 8) ^ hash);
    return mum(hash ^ K3, len ^ K1);
}

static inline byte_key key_of(pqf_slice value) {
    byte_key key;
    if (value.len > 16) {
        key.hash = hash_long(value.data, value.len);
        key.a = key.hash;
        key.b = 0;
        return key;
    }
    if (value.num_readable >= 16) {
        load_wide(value.data, value.len, &key);
    } else {
        load_exact(value.data, value.len, &key);
    }
    key.hash = mum(key.a ^ K1 ^ value.len, key.b ^ K2);
    return key;
}

/* More than 16 bytes. */
static inline bool equal_long(const uint8_t *a, const uint8_t *b, uint32_t len) {
    if (len > 32) return memcmp(a, b, len) == 0;
    const uint8_t *last_a = a + len - 16, *last_b = b + len - 16;
    uint64_t first =
        (pqf_load_u64(a) ^ pqf_load_u64(b)) | (pqf_load_u64(a + 8) ^ pqf_load_u64(b + 8));
    uint64_t last = (pqf_load_u64(last_a) ^ pqf_load_u64(last_b)) |
                    (pqf_load_u64(last_a + 8) ^ pqf_load_u64(last_b + 8));
    return (first | last) == 0;
}

static inline bool slot_is(const byte_slot *slot, const byte_key *key, pqf_slice value,
                           const uint8_t *page) {
    if (value.len <= 16)
        return ((slot->a ^ key->a) | (slot->b ^ key->b) | (slot->len ^ value.len)) == 0;
    if (slot->a != key->a || slot->len != value.len) return false;
    return equal_long(page + slot->b, value.data, value.len);
}

static inline size_t prefix_bytes(const pqf_dict_builder *b) {
    return b->layout == PQF_BINARY ? 4 : 0;
}

/* The bytes that value i stands in within the page, length word included. */
static inline pqf_bytes entry_at(const pqf_dict_builder *b, int64_t i) {
    if (b->layout == PQF_FIXED) {
        return (pqf_bytes){b->page.data + (size_t)i * (size_t)b->width, (size_t)b->width};
    }
    const uint8_t *entry =
        b->page.data + pqf_load_u32(b->starts.data + (size_t)i * sizeof(uint32_t)) - 4;
    return (pqf_bytes){entry, 4 + (size_t)pqf_load_u32(entry)};
}

/* The slack behind the page lets every value be read wide. */
static void bytes_rehash(pqf_dict_builder *b) {
    byte_slot *slots = b->slots;
    size_t mask = ((size_t)1 << b->bits) - 1;
    for (int64_t i = 0; i < b->num_values; i++) {
        pqf_bytes v = pqf_dict_value(b, i);
        byte_key key = key_of((pqf_slice){v.data, (uint32_t)v.len, 16});
        size_t at = (size_t)(key.hash >> (64 - b->bits));
        while (slots[at].code1)
            at = (at + 1) & mask;
        slots[at] = (byte_slot){
            .a = key.a,
            .b = v.len <= 16 ? key.b : (uint64_t)(v.data - b->page.data),
            .len = (uint32_t)v.len,
            .code1 = (uint32_t)i + 1,
        };
    }
}

/* Whether page and starts have room for the value and the page stays within max_bytes. */
static inline bool page_has_room(const pqf_dict_builder *b, uint32_t len,
                                 size_t max_bytes) {
    size_t end = b->page.len + prefix_bytes(b) + len;
    return end <= b->page.cap && end <= max_bytes &&
           (b->layout == PQF_FIXED || b->starts.cap - b->starts.len >= sizeof(uint32_t));
}

/* Appends to the page, which has room; returns where the bytes of the value begin. */
static size_t page_append(pqf_dict_builder *b, pqf_slice value) {
    if (b->layout == PQF_BINARY) {
        pqf_store_u32(b->page.data + b->page.len, value.len);
        b->page.len += 4;
        pqf_store_u32(b->starts.data + b->starts.len, (uint32_t)b->page.len);
        b->starts.len += sizeof(uint32_t);
    }
    size_t start = b->page.len;
    if (value.len) memcpy(b->page.data + start, value.data, value.len);
    b->page.len += value.len;
    return start;
}

/* Returns how many values were taken: fewer than n when a new one finds no room. */
static int64_t bytes_put(pqf_dict_builder *b, const pqf_slice *values, int64_t n,
                         size_t max_bytes, uint32_t *codes) {
    byte_slot *slots = b->slots;
    int shift = 64 - b->bits;
    size_t mask = ((size_t)1 << b->bits) - 1;
    int64_t limit = slots_limit(b);
    for (int64_t i = 0; i < n; i++) {
        byte_key key = key_of(values[i]);
        byte_slot *slot = &slots[key.hash >> shift];
        while (slot->code1 && !slot_is(slot, &key, values[i], b->page.data))
            slot = &slots[(size_t)(slot - slots + 1) & mask];
        if (slot->code1 == 0) {
            if (b->num_values == limit || !page_has_room(b, values[i].len, max_bytes))
                return i;
            size_t start = page_append(b, values[i]);
            slot->a = key.a;
            slot->b = values[i].len <= 16 ? key.b : start;
            slot->len = values[i].len;
            slot->code1 = (uint32_t)++b->num_values;
        }
        codes[i] = slot->code1 - 1;
    }
    return n;
}

/* ---- room ---- */

/* Room for one more value of len bytes (and as many more as growing makes); *full instead when
 * the page may not take it. Pages and their value counts are int32 in the format. */
static pqf_status make_room(pqf_dict_builder *b, uint32_t len, size_t max_bytes,
                            bool *full, pqf_error *err) {
    size_t need = prefix_bytes(b) + len;
    *full = b->num_values == INT32_MAX || b->page.len + need > max_bytes;
    if (*full) return PQF_OK;
    TRY(pqf_buf_reserve(&b->page, need, err));
    if (b->layout == PQF_BINARY) TRY(pqf_buf_reserve(&b->starts, sizeof(uint32_t), err));
    if (b->num_values < slots_limit(b)) return PQF_OK;
    TRY(slots_init(b, b->bits + (b->bits < 14 ? 2 : 1), err));
    if (b->words) {
        words_rehash(b);
    } else {
        bytes_rehash(b);
    }
    return PQF_OK;
}

static size_t clamp_max(size_t max_bytes) {
    return max_bytes < INT32_MAX ? max_bytes : INT32_MAX;
}

/* ---- the door ---- */

pqf_status pqf_dict_builder_new(pqf_layout layout, int32_t width, pqf_mem *mem,
                                pqf_dict_builder **out, pqf_error *err) {
    if (layout == PQF_BITS || (layout == PQF_FIXED && width < 0)) {
        return pqf_fail(err, PQF_INVALID,
                        "dictionary: booleans and negative widths have none");
    }
    void *block;
    TRY(pqf_mem_zalloc(mem, sizeof(pqf_dict_builder), &block, err));
    pqf_dict_builder *b = block;
    b->mem = mem;
    b->layout = layout;
    b->width = layout == PQF_FIXED ? width : 0;
    b->words = are_words(layout, width);
    pqf_buf_init(&b->page, mem, 0);
    pqf_buf_init(&b->starts, mem, 0);
    pqf_status status = pqf_buf_reserve(&b->page, 64, err);
    if (status == PQF_OK) status = slots_init(b, first_bits(b), err);
    if (status != PQF_OK) {
        pqf_dict_builder_free(b);
        return status;
    }
    *out = b;
    return PQF_OK;
}

void pqf_dict_builder_free(pqf_dict_builder *b) {
    if (!b) return;
    pqf_buf_reset(&b->page);
    pqf_buf_reset(&b->starts);
    pqf_mem_free(b->mem, b->slots, b->slots_bytes);
    pqf_mem_free(b->mem, b, sizeof *b);
}

void pqf_dict_builder_clear(pqf_dict_builder *b) {
    b->page.len = b->starts.len = 0;
    b->num_values = 0;
    b->bits = first_bits(b);
    if (b->slots) memset(b->slots, 0, slot_bytes(b) << b->bits);
}

void pqf_dict_builder_fold(pqf_dict_builder *b) {
    pqf_mem_free(b->mem, b->slots, b->slots_bytes);
    b->slots = NULL;
    b->slots_bytes = 0;
}

static pqf_status unfold(pqf_dict_builder *b, pqf_error *err) {
    if (b->slots) return PQF_OK;
    TRY(slots_init(b, b->bits, err));
    if (b->words) {
        words_rehash(b);
    } else {
        bytes_rehash(b);
    }
    return PQF_OK;
}

static pqf_status put_words(pqf_dict_builder *b, const uint8_t *values, int64_t n,
                            size_t max_bytes, uint32_t *codes, int64_t *num_put,
                            pqf_error *err) {
    bool full = false;
    for (*num_put = 0; *num_put < n && !full;) {
        int64_t limit = pqf_min_i64(slots_limit(b), INT32_MAX);
        limit = pqf_min_i64(
            limit,
            (int64_t)(pqf_min_i64((int64_t)b->page.cap, (int64_t)max_bytes) / b->width));
        limit = pqf_max_i64(limit, b->num_values);
        int64_t block = pqf_min_i64(n - *num_put, PQF_BLOCK);
        int64_t put = words_put_block(b, values + *num_put * b->width, block, limit,
                                      codes + *num_put);
        *num_put += put;
        if (put < block) TRY(make_room(b, (uint32_t)b->width, max_bytes, &full, err));
    }
    return PQF_OK;
}

static pqf_status put_slices(pqf_dict_builder *b, const pqf_slice *values, int64_t n,
                             size_t max_bytes, uint32_t *codes, int64_t *num_put,
                             bool *full, pqf_error *err) {
    *full = false;
    for (*num_put = 0; *num_put < n && !*full;) {
        int64_t at = *num_put;
        *num_put += bytes_put(b, values + at, n - at, max_bytes, codes + at);
        if (*num_put < n) TRY(make_room(b, values[*num_put].len, max_bytes, full, err));
    }
    return PQF_OK;
}

pqf_status pqf_dict_put_fixed(pqf_dict_builder *b, const void *values, int64_t n,
                              size_t max_bytes, uint32_t *codes, int64_t *num_put,
                              pqf_error *err) {
    const uint8_t *in = values;
    max_bytes = clamp_max(max_bytes);
    TRY(unfold(b, err));
    if (b->words) return put_words(b, in, n, max_bytes, codes, num_put, err);
    pqf_slice slices[FIXED_BLOCK];
    bool full = false;
    for (*num_put = 0; *num_put < n && !full;) {
        int64_t at = *num_put, put, block = pqf_min_i64(n - at, FIXED_BLOCK);
        for (int64_t i = 0; i < block; i++)
            slices[i] = (pqf_slice){in + (at + i) * b->width, (uint32_t)b->width,
                                    pqf_readable((n - at - i) * b->width)};
        TRY(put_slices(b, slices, block, max_bytes, codes + at, &put, &full, err));
        *num_put += put;
    }
    return PQF_OK;
}

pqf_status pqf_dict_put_binary(pqf_dict_builder *b, const pqf_slice *values, int64_t n,
                               size_t max_bytes, uint32_t *codes, int64_t *num_put,
                               pqf_error *err) {
    max_bytes = clamp_max(max_bytes);
    TRY(unfold(b, err));
    bool full;
    return put_slices(b, values, n, max_bytes, codes, num_put, &full, err);
}

int64_t pqf_dict_num_values(const pqf_dict_builder *b) { return b->num_values; }

pqf_bytes pqf_dict_page_bytes(const pqf_dict_builder *b) {
    return pqf_buf_view(&b->page);
}

pqf_bytes pqf_dict_value(const pqf_dict_builder *b, int64_t i) {
    pqf_bytes entry = entry_at(b, i);
    size_t prefix = prefix_bytes(b);
    return (pqf_bytes){entry.data + prefix, entry.len - prefix};
}

/* ---- leaving the dictionary again ---- */

static void expand_fixed(const pqf_dict_builder *b, const uint32_t *codes, int64_t n,
                         uint8_t *out) {
    const uint8_t *page = b->page.data;
    size_t width = (size_t)b->width;
    if (width == 4) {
        for (int64_t i = 0; i < n; i++)
            memcpy(out + i * 4, page + (size_t)codes[i] * 4, 4);
    } else if (width == 8) {
        for (int64_t i = 0; i < n; i++)
            memcpy(out + i * 8, page + (size_t)codes[i] * 8, 8);
    } else {
        for (int64_t i = 0; i < n; i++, out += width)
            PQF_COPY_WIDE(16, out, page + codes[i] * width, width);
    }
}

static pqf_status expand_block(const pqf_dict_builder *b, const uint32_t *codes,
                               int64_t n, pqf_buf *out, pqf_error *err) {
    size_t total = 0;
    for (int64_t i = 0; i < n; i++)
        total += entry_at(b, codes[i]).len;
    TRY(pqf_buf_reserve(out, total, err));
    uint8_t *p = out->data + out->len;
    for (int64_t i = 0; i < n; i++) {
        pqf_bytes entry = entry_at(b, codes[i]);
        PQF_COPY_WIDE(64, p, entry.data, entry.len);
        p += entry.len;
    }
    out->len += total;
    return PQF_OK;
}

pqf_status pqf_dict_expand(const pqf_dict_builder *b, const uint32_t *codes, int64_t n,
                           pqf_buf *out, pqf_error *err) {
    if (b->layout == PQF_FIXED) {
        size_t total = (size_t)n * (size_t)b->width;
        TRY(pqf_buf_reserve(out, total, err));
        expand_fixed(b, codes, n, out->data + out->len);
        out->len += total;
        return PQF_OK;
    }
    for (int64_t at = 0; at < n; at += PQF_BLOCK)
        TRY(expand_block(b, codes + at, pqf_min_i64(PQF_BLOCK, n - at), out, err));
    return PQF_OK;
}
