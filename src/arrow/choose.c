/* SPDX-License-Identifier: Apache-2.0
 *
 * choose.c: room arrow. A schema cut down to the fields that are wanted. Structs keep the
 * wanted children in their own order, lists and maps stay what they are. The storage of a
 * type that is cut is no longer that of its extension type, so that name goes.
 */
#include "choice.h"

const pqf_choice *pqf_choice_child(const pqf_choice *choice, const char *name) {
    const pqf_choice *child = choice->children;
    while (child && strcmp(child->name, name) != 0)
        child = child->next;
    return child;
}

static pqf_status copy_metadata(const char *in, struct ArrowSchema *out, pqf_error *err) {
    static const char prefix[] = "ARROW:extension:";
    pqf_mem *mem;
    pqf_buf kept;
    pqf_bytes key, value;
    pqf_status status = PQF_OK;
    if (!in) return PQF_OK;
    TRY(pqf_mem_new(0, &mem, err));
    pqf_buf_init(&kept, mem, 0);
    for (int64_t i = 0; pqf_kv_at(in, i, &key, &value); i++)
        if (key.len < strlen(prefix) || memcmp(key.data, prefix, strlen(prefix)) != 0)
            TRY_DONE(pqf_kv_put(&kept, key, value, err));
    if (kept.len) TRY_DONE(pqf_schema_set_metadata(out, (const char *)kept.data, err));
done:
    pqf_buf_reset(&kept);
    pqf_mem_release(mem);
    return status;
}

static int64_t count_chosen(const struct ArrowSchema *in, const pqf_choice *choice) {
    int64_t n = 0;
    for (int64_t i = 0; i < in->n_children; i++)
        n += pqf_choice_child(choice, pqf_field_name(in->children[i])) != NULL;
    return n;
}

static pqf_status choose_struct(const struct ArrowSchema *in, const pqf_choice *choice,
                                struct ArrowSchema *out, pqf_error *err) {
    int64_t to = 0;
    for (int64_t i = 0; i < in->n_children; i++) {
        const pqf_choice *child =
            pqf_choice_child(choice, pqf_field_name(in->children[i]));
        if (child)
            TRY(pqf_schema_choose(in->children[i], child, out->children[to++], err));
    }
    return PQF_OK;
}

static pqf_status choose_map(const struct ArrowSchema *in, const pqf_choice *choice,
                             struct ArrowSchema *out, pqf_error *err) {
    const struct ArrowSchema *entries = in->children[0];
    struct ArrowSchema *to = out->children[0];
    TRY(pqf_schema_init(to, entries->format, entries->name, entries->flags, 2, err));
    if (entries->metadata) TRY(pqf_schema_set_metadata(to, entries->metadata, err));
    TRY(pqf_schema_choose(entries->children[0], pqf_choice_child(choice, "key"),
                          to->children[0], err));
    return pqf_schema_choose(entries->children[1], pqf_choice_child(choice, "value"),
                             to->children[1], err);
}

static pqf_status fill(const struct ArrowSchema *in, const pqf_choice *choice,
                       struct ArrowSchema *out, pqf_error *err) {
    TRY(copy_metadata(in->metadata, out, err));
    if (pqf_format_is_list(in->format))
        return pqf_schema_choose(in->children[0], choice, out->children[0], err);
    if (!strcmp(in->format, "+m")) return choose_map(in, choice, out, err);
    return choose_struct(in, choice, out, err);
}

pqf_status pqf_schema_choose(const struct ArrowSchema *in, const pqf_choice *choice,
                             struct ArrowSchema *out, pqf_error *err) {
    if (!choice || choice->is_whole) return pqf_schema_copy(in, out, err);
    bool is_struct = !strcmp(in->format, "+s");
    int64_t n = is_struct ? count_chosen(in, choice) : in->n_children;
    struct ArrowSchema made;
    TRY(pqf_schema_init(&made, in->format, in->name, in->flags, n, err));
    pqf_status status = fill(in, choice, &made, err);
    if (status == PQF_OK)
        *out = made;
    else
        pqf_schema_release(&made);
    return status;
}
