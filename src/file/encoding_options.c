/* SPDX-License-Identifier: Apache-2.0
 *
 * encoding_options.c (room file): from what the caller says about encodings to one decision per
 * leaf. In: column_encoding, encoding, byte_stream_split, the dictionary options and the profile;
 * out: the members `encoding` and `dictionary` of the leaf's chunk options. What is said of one
 * column goes before what is said of all; what is said of all passes over leaves whose physical
 * type cannot have it (Encodings.md), what is said of one column must fit it.
 */
#include "inner.h"

bool pqf_profile_is_modern(const pqf_write_options *options) {
    return options->profile && !strcmp(options->profile, "modern");
}

static pqf_status encoding_by_name(const char *name, int32_t *out, pqf_error *err) {
    if (!strcmp(name, "auto")) {
        *out = PQF_ENCODING_AUTO;
        return PQF_OK;
    }
    for (int32_t id = 0; id <= PQF_ALP; id++) {
        const char *known = pqf_encoding_name(id);
        *out = id;
        if (known && !strcmp(known, name)) return PQF_OK;
    }
    return pqf_fail(err, PQF_INVALID, "the encoding '%.40s' is not known", name);
}

static bool leaf_can_have(const pqf_leaf *leaf, int32_t encoding) {
    return encoding == PQF_ENCODING_AUTO ||
           pqf_encoding_writes(encoding, (int32_t)leaf->physical);
}

static bool is_dictionary(int32_t encoding) {
    return encoding == PQF_PLAIN_DICTIONARY || encoding == PQF_RLE_DICTIONARY;
}

/* Of one column. Groups are named as well: then every leaf below must be able to have it. */
static pqf_status take_named(const char *name, const pqf_leaf *leaf,
                             pqf_chunk_write_options *out, pqf_error *err) {
    int32_t encoding;
    TRY(encoding_by_name(name, &encoding, err));
    if (is_dictionary(encoding)) {
        out->dictionary = true;
        return PQF_OK;
    }
    if (!leaf_can_have(leaf, encoding))
        return pqf_fail(
            err, PQF_INVALID,
            "the encoding %s is not written for column '%s', whose values are %s", name,
            leaf->path, pqf_physical_name((int32_t)leaf->physical));
    out->encoding = encoding;
    if (encoding != PQF_ENCODING_AUTO) out->dictionary = false;
    return PQF_OK;
}

static pqf_status take_split(const pqf_write_options *options, const pqf_leaf *leaf,
                             pqf_chunk_write_options *out, pqf_error *err) {
    const char *const *columns = options->byte_stream_split_columns;
    if (columns ? !pqf_names_have(columns, leaf) : !options->byte_stream_split)
        return PQF_OK;
    bool can = leaf_can_have(leaf, PQF_BYTE_STREAM_SPLIT);
    if (!can && columns)
        return pqf_fail(err, PQF_INVALID,
                        "use_byte_stream_split names column '%s', whose values are %s",
                        leaf->path, pqf_physical_name((int32_t)leaf->physical));
    if (can) out->encoding = PQF_BYTE_STREAM_SPLIT;
    return PQF_OK;
}

static pqf_status take_general(const pqf_write_options *options, const pqf_leaf *leaf,
                               pqf_chunk_write_options *out, pqf_error *err) {
    const char *name = options->encoding;
    if (!name) name = pqf_profile_is_modern(options) ? "auto" : "PLAIN";
    int32_t encoding;
    TRY(encoding_by_name(name, &encoding, err));
    if (is_dictionary(encoding) && options->no_dictionary && !options->dictionary_columns)
        return pqf_fail(
            err, PQF_INVALID,
            "column_encoding asks for dictionaries (%s), use_dictionary=False "
            "for none: leave one of them out",
            name);
    if (is_dictionary(encoding)) return PQF_OK;
    if (leaf_can_have(leaf, encoding)) out->encoding = encoding;
    return PQF_OK;
}

pqf_status pqf_encoding_of(const pqf_write_options *options, const pqf_leaf *leaf,
                           pqf_chunk_write_options *out, pqf_error *err) {
    const char *name =
        pqf_setting_of(options->column_encoding, options->num_column_encoding, leaf);
    out->encoding = PQF_PLAIN;
    if (!name) {
        TRY(take_general(options, leaf, out, err));
        return take_split(options, leaf, out, err);
    }
    if (options->dictionary_columns && pqf_names_have(options->dictionary_columns, leaf))
        return pqf_fail(err, PQF_INVALID,
                        "column '%s' is named by both use_dictionary and column_encoding",
                        leaf->path);
    if (options->byte_stream_split || options->byte_stream_split_columns)
        return pqf_fail(
            err, PQF_INVALID,
            "use_byte_stream_split and column_encoding cannot be given together");
    return take_named(name, leaf, out, err);
}
