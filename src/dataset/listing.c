/* SPDX-License-Identifier: Apache-2.0
 *
 * listing.c: the files that a read of some paths would take, for those who ask about the files and not
 * about their rows. In: paths as a dataset is opened with. Out: one state of the folder, kept as long
 * as the listing is, and what each of its files says about itself.
 */
#include "inner.h"

struct pqf_listing {
    pqf_mem *mem;
    pqf_arena arena;
    pqf_snapshot snapshot;
    pqf_found found;
};

static pqf_status new_listing(pqf_listing **out, pqf_error *err) {
    pqf_mem *mem;
    void *block;
    TRY(pqf_mem_new(pqf_memory_limit(NULL), &mem, err));
    pqf_status status = pqf_mem_zalloc(mem, sizeof(pqf_listing), &block, err);
    if (status != PQF_OK) {
        pqf_mem_release(mem);
        return status;
    }
    *out = block;
    (*out)->mem = mem;
    pqf_arena_init(&(*out)->arena, mem);
    return PQF_OK;
}

pqf_status pqf_listing_open(const char *const *paths, int64_t num_paths, const char *root,
                            pqf_listing **out, pqf_error *err) {
    const pqf_read_options read = {.struct_bytes = sizeof read, .no_partitions = true};
    pqf_error local;
    pqf_listing *listing;
    if (!err) err = &local;
    pqf_error_init(err);
    TRY(new_listing(&listing, err));
    pqf_status status =
        pqf_discover(paths, num_paths, root, &read, listing->mem, &listing->arena,
                     &listing->snapshot, &listing->found, err);
    if (status == PQF_OK)
        *out = listing;
    else
        pqf_listing_free(listing);
    return status;
}

void pqf_listing_free(pqf_listing *listing) {
    if (!listing) return;
    pqf_mem *mem = listing->mem;
    pqf_snapshot_close(&listing->snapshot, mem);
    pqf_arena_reset(&listing->arena);
    pqf_mem_free(mem, listing, sizeof *listing);
    pqf_mem_release(mem);
}

int64_t pqf_listing_num_files(const pqf_listing *listing) {
    return listing->found.num_files;
}

const char *pqf_listing_file(const pqf_listing *listing, int64_t i) {
    return i < 0 || i >= listing->found.num_files ? NULL : listing->found.files[i].path;
}

pqf_status pqf_listing_info(const pqf_listing *listing, int64_t i, pqf_file_info **out,
                            pqf_error *err) {
    pqf_error local;
    pqf_source *source;
    if (!err) err = &local;
    pqf_error_init(err);
    if (i < 0 || i >= listing->found.num_files)
        return pqf_fail(err, PQF_INVALID,
                        "the listing has %lld files, none of number %lld",
                        (long long)listing->found.num_files, (long long)i);
    TRY(pqf_snapshot_open_file(&listing->snapshot, &listing->found.files[i], false,
                               &source, err));
    return pqf_file_info_open_source(source, out, err);
}
