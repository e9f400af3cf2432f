/* SPDX-License-Identifier: Apache-2.0 */
/* One check per format: xz has an index at its end, zstd a size before each block, bzip2 a mark at its end, tar blocks of zeros, squashfs a table of tables. */

#include <lzma.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/cleanup.h"
#include "bus-error.h"
#include "image-format.h"
#include "worker/archive.h"
#include "worker/integrity.h"
#include "worker/squashfs.h"

#define BUFFER_SIZE (256U * 1024U)
#define TOO_EARLY "its data ends too early"

/* Up to n bytes at the offset; fewer at the end of the file only. Count, -errno with error set. */
static ssize_t read_at(int fd, void *buffer, size_t n, uint64_t offset, const char *what, sd_bus_error *error) {
        ssize_t k;

        do
                k = pread(fd, buffer, n, (off_t) offset);
        while (k < 0 && errno == EINTR);
        return k < 0 ? bus_error_set(error, LXD_ERROR_FAILED, "Failed to read the %s: %s", what, strerror(errno)) : k;
}

/* ---- tar ---- */

static int check_tar(int fd, const char *what, sd_bus_error *error) {
        _cleanup_(archive_freep) struct archive *a = NULL;
        struct archive_entry *e;
        int r = archive_open_tar(fd, what, &a, error);

        if (r < 0)
                return r;
        for (unsigned n = 0; (r = archive_next(a, what, &e, error)) > 0; n++) {
                if (n >= ARCHIVE_ENTRIES_MAX)
                        return bus_error_set(error, LXD_ERROR_INVALID, "The %s has more than %u entries", what, ARCHIVE_ENTRIES_MAX);
                r = archive_skip(a, what, error);
                if (r < 0)
                        return r;
        }
        /* libarchive takes the end of the file, too, for the end of the archive; it has read beyond the place of the next header when there were zeros. */
        if (r >= 0 && archive_filter_bytes(a, 0) <= archive_read_header_position(a))
                return archive_damaged(what, "it has no end-of-archive mark", error);
        return r;
}

/* ---- lzma, and others when their end looks wrong ---- */

static int check_all_data(int fd, const char *what, sd_bus_error *error) {
        _cleanup_(archive_freep) struct archive *a = NULL;
        struct archive_entry *e;
        int r = lseek(fd, 0, SEEK_SET) < 0 ? -errno : archive_open_compressed(fd, what, &a, error);

        r = r < 0 ? r : archive_next(a, what, &e, error);
        return r <= 0 ? r : archive_skip(a, what, error);
}

/* ---- gzip ---- */

typedef struct Gzip {
        z_stream stream;
        int fd;
        uint64_t in, out; /* bytes */
        uint8_t input[BUFFER_SIZE], output[BUFFER_SIZE];
} Gzip;

static Gzip *gzip_free(Gzip *g) {
        if (g)
                (void) inflateEnd(&g->stream);
        free(g);
        return NULL;
}
DEFINE_CLEANUP(Gzip, gzip_free)

/* Makes sure that some input is there. 0 at the end of the file, else as read_at(). */
static ssize_t gzip_fill(Gzip *g, const char *what, sd_bus_error *error) {
        ssize_t n = g->stream.avail_in;

        if (n > 0)
                return n;
        n = read_at(g->fd, g->input, sizeof(g->input), g->in, what, error);
        if (n > 0) {
                g->stream.next_in = g->input;
                g->stream.avail_in = (uInt) n;
                g->in += (uint64_t) n;
        }
        return n;
}

/* One member: a file may have several, one after the other. */
static int gzip_member(Gzip *g, const char *what, sd_bus_error *error) {
        int code = Z_OK;

        while (code == Z_OK || code == Z_BUF_ERROR) {
                ssize_t n = gzip_fill(g, what, error);
                int r;

                if (n <= 0)
                        return n < 0 ? (int) n : archive_damaged(what, TOO_EARLY, error);
                g->stream.next_out = g->output;
                g->stream.avail_out = sizeof(g->output);
                code = inflate(&g->stream, Z_NO_FLUSH);
                g->out += sizeof(g->output) - g->stream.avail_out;
                r = archive_check_growth((int64_t) g->in, (int64_t) g->out, what, error);
                if (r < 0)
                        return r;
        }
        if (code == Z_MEM_ERROR)
                return -ENOMEM;
        return code == Z_STREAM_END ? 0 : archive_damaged(what, g->stream.msg ?: "the gzip data is corrupt", error);
}

static int check_gzip(int fd, const char *what, sd_bus_error *error) {
        _cleanup_(gzip_freep) Gzip *g = calloc(1, sizeof(*g));
        ssize_t n;

        if (!g)
                return -ENOMEM;
        g->fd = fd;
        if (inflateInit2(&g->stream, 16 + MAX_WBITS) != Z_OK) /* gzip, with its checksum */
                return -ENOMEM;
        do {
                int r = gzip_member(g, what, error);

                if (r < 0)
                        return r;
                (void) inflateReset(&g->stream);
                n = gzip_fill(g, what, error);
        } while (n > 0 && g->stream.next_in[0] == 0x1f); /* what else may follow is padding */
        return n < 0 ? (int) n : 0;
}

/* ---- xz ---- */

#define XZ_INDEX_MAX (UINT64_C(64) << 20) /* bytes in memory: millions of blocks */

static void xz_index_freep(lzma_index **i) {
        lzma_index_end(*i, NULL);
}

static int xz_read_index(lzma_stream *s, int fd, const char *what, sd_bus_error *error) {
        uint8_t buffer[8192];
        uint64_t offset = 0;
        lzma_ret code;

        do {
                if (s->avail_in == 0) {
                        ssize_t n = read_at(fd, buffer, sizeof(buffer), offset, what, error);

                        if (n < 0)
                                return (int) n;
                        s->next_in = buffer;
                        s->avail_in = (size_t) n;
                        offset += (uint64_t) n;
                }
                code = lzma_code(s, LZMA_RUN);
                if (code == LZMA_SEEK_NEEDED) {
                        offset = s->seek_pos;
                        s->avail_in = 0;
                }
        } while (code == LZMA_OK || code == LZMA_SEEK_NEEDED);
        if (code == LZMA_MEM_ERROR)
                return -ENOMEM;
        if (code == LZMA_MEMLIMIT_ERROR)
                return bus_error_set(error, LXD_ERROR_INVALID, "The %s has too many xz blocks", what);
        if (code == LZMA_STREAM_END)
                return 0;
        return archive_damaged(what, "the xz data ends without an index that fits", error);
}

static int check_xz(int fd, uint64_t size, const char *what, sd_bus_error *error) {
        _cleanup_(xz_index_freep) lzma_index *index = NULL;
        lzma_stream s = LZMA_STREAM_INIT;
        int r = lzma_file_info_decoder(&s, &index, XZ_INDEX_MAX, size) == LZMA_OK ? xz_read_index(&s, fd, what, error) : -ENOMEM;

        lzma_end(&s);
        return r < 0 ? r : archive_check_growth((int64_t) size, (int64_t) lzma_index_uncompressed_size(index), what, error);
}

/* ---- bzip2 ---- */

#define BZIP2_END UINT64_C(0x177245385090)
#define BZIP2_TAIL 11U /* bytes: the mark of 48 bits, a checksum of 32, and up to 7 bits that fill the last byte */

static bool bzip2_has_end(const uint8_t *tail) {
        unsigned __int128 v = 0;

        for (unsigned i = 0; i < BZIP2_TAIL; i++)
                v = v << 8 | tail[i];
        for (unsigned fill = 0; fill < 8; fill++)
                if ((uint64_t) (v >> (32 + fill) & ((UINT64_C(1) << 48) - 1)) == BZIP2_END)
                        return true;
        return false;
}

static int check_bzip2(int fd, uint64_t size, const char *what, sd_bus_error *error) {
        uint8_t tail[BZIP2_TAIL] = {};
        ssize_t n = size < sizeof(tail) ? 0 : read_at(fd, tail, sizeof(tail), size - sizeof(tail), what, error);

        if (n < 0)
                return (int) n;
        return bzip2_has_end(tail) ? 0 : check_all_data(fd, what, error);
}

/* ---- zstd ---- */

#define ZSTD_MAGIC 0xfd2fb528U
#define ZSTD_SKIPPABLE 0x184d2a50U /* to ...5f */
#define ZSTD_BLOCK_MAX (128U * 1024U)

typedef struct Zstd {
        int fd;
        const char *what;
        uint64_t size, at;
        uint8_t window[4096]; /* of the file */
        uint64_t start;
        size_t n;
} Zstd;

/* The next n <= 4 bytes as a number, little endian. */
static int zstd_take(Zstd *z, unsigned n, uint32_t *ret, sd_bus_error *error) {
        uint32_t v = 0;

        if (z->at > z->size || n > z->size - z->at)
                return archive_damaged(z->what, TOO_EARLY, error);
        if (z->at < z->start || z->at + n > z->start + z->n) {
                ssize_t k = read_at(z->fd, z->window, sizeof(z->window), z->at, z->what, error);

                if (k < (ssize_t) n)
                        return k < 0 ? (int) k : archive_damaged(z->what, TOO_EARLY, error);
                z->start = z->at;
                z->n = (size_t) k;
        }
        for (unsigned i = 0; i < n; i++)
                v |= (uint32_t) z->window[z->at - z->start + i] << (8 * i);
        z->at += n;
        *ret = v;
        return 0;
}

static int zstd_blocks(Zstd *z, sd_bus_error *error) {
        uint32_t head, size;

        do {
                int r = zstd_take(z, 3, &head, error);

                if (r < 0)
                        return r;
                size = head >> 3;
                if ((head >> 1 & 3) == 3 || size > ZSTD_BLOCK_MAX)
                        return archive_damaged(z->what, "the zstd data has an impossible block", error);
                z->at += (head >> 1 & 3) == 1 ? 1 : size; /* 1: one byte, repeated */
        } while (!(head & 1));
        return 0;
}

static int zstd_frame(Zstd *z, sd_bus_error *error) {
        static const uint8_t dictionary[] = { 0, 1, 2, 4 };
        uint32_t magic, v;
        bool single;
        int r = zstd_take(z, 4, &magic, error);

        r = r < 0 ? r : zstd_take(z, (magic & ~0xfU) == ZSTD_SKIPPABLE ? 4 : 1, &v, error);
        if (r < 0)
                return r;
        if ((magic & ~0xfU) == ZSTD_SKIPPABLE) {
                z->at += v;
                return 0;
        }
        if (magic != ZSTD_MAGIC)
                return archive_damaged(z->what, "something else follows the zstd data", error);
        single = v >> 5 & 1;
        z->at += !single + dictionary[v & 3] + (v >> 6 ? 1U << (v >> 6) : single);
        r = zstd_blocks(z, error);
        z->at += v >> 2 & 1 ? 4 : 0; /* checksum */
        return r;
}

static int check_zstd(int fd, uint64_t size, const char *what, sd_bus_error *error) {
        Zstd z = { .fd = fd, .what = what, .size = size };

        do {
                int r = zstd_frame(&z, error);

                if (r < 0)
                        return r;
        } while (z.at < size);
        return z.at == size ? 0 : archive_damaged(what, TOO_EARLY, error);
}

int integrity_check(int fd, const char *what, sd_bus_error *error) {
        struct stat st;

        if (fstat(fd, &st) < 0)
                return -errno;
        switch (image_format_detect_fd(fd)) {
        case IMAGE_FORMAT_TAR:
                return check_tar(fd, what, error);
        case IMAGE_FORMAT_TAR_GZIP:
                return check_gzip(fd, what, error);
        case IMAGE_FORMAT_TAR_XZ:
                return check_xz(fd, (uint64_t) st.st_size, what, error);
        case IMAGE_FORMAT_TAR_LZMA:
                return check_all_data(fd, what, error);
        case IMAGE_FORMAT_TAR_ZSTD:
                return check_zstd(fd, (uint64_t) st.st_size, what, error);
        case IMAGE_FORMAT_TAR_BZIP2:
                return check_bzip2(fd, (uint64_t) st.st_size, what, error);
        case IMAGE_FORMAT_SQUASHFS:
                return squashfs_check(fd, error);
        default:
                return 0;
        }
}
