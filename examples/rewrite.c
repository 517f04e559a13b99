/* SPDX-License-Identifier: Apache-2.0
 *
 * rewrite.c: reads a Parquet file or dataset batch by batch and writes one file with another codec.
 *
 *   cc rewrite.c $(pkg-config --cflags --libs parquet_forge) -o rewrite
 *   ./rewrite in.parquet out.parquet zstd
 */
#include <parquet_forge.h>

#include <stdio.h>

static int fail(const char *what, const pqf_error *err) {
    char text[2048];
    pqf_error_text(err, text, sizeof text);
    fprintf(stderr, "%s: %s\n", what, text);
    return 1;
}

/* Every batch of the stream goes to the writer; the batches are ours to release. */
static int copy(struct ArrowArrayStream *stream, const struct ArrowSchema *schema,
                pqf_writer *writer) {
    struct ArrowArray batch;
    pqf_error err;
    for (;;) {
        if (stream->get_next(stream, &batch) != 0)
            return fail("read", pqf_stream_error(stream));
        if (!batch.release) break;
        pqf_status status = pqf_writer_put(writer, schema, &batch, NULL, &err);
        batch.release(&batch);
        if (status != PQF_OK) return fail("write", &err);
    }
    if (pqf_writer_finish(writer, &err) != PQF_OK) return fail("finish", &err);
    printf("%lld rows\n", (long long)pqf_writer_num_rows(writer));
    return 0;
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: rewrite IN OUT CODEC\n");
        return 2;
    }
    pqf_error err;
    pqf_dataset *dataset;
    const char *paths[] = {argv[1]};
    if (pqf_dataset_open(paths, 1, NULL, NULL, &dataset, &err) != PQF_OK)
        return fail("open", &err);

    pqf_scan_options scan = {.struct_bytes = sizeof scan, .batch_rows = 65536};
    struct ArrowArrayStream stream;
    pqf_status status = pqf_dataset_scan(dataset, &scan, &stream, &err);
    pqf_dataset_free(dataset); /* the stream keeps what it needs */
    if (status != PQF_OK) return fail("scan", &err);

    int result = 1;
    struct ArrowSchema schema;
    pqf_writer *writer = NULL;
    pqf_write_options options = {.struct_bytes = sizeof options, .compression = argv[3]};
    if (stream.get_schema(&stream, &schema) != 0) {
        fail("schema", pqf_stream_error(&stream));
    } else {
        if (pqf_writer_open(argv[2], &schema, &options, &writer, &err) != PQF_OK)
            fail("create", &err);
        else
            result = copy(&stream, &schema, writer);
        schema.release(&schema);
    }
    pqf_writer_free(writer);
    stream.release(&stream);
    return result;
}
