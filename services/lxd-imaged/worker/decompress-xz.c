/* SPDX-License-Identifier: Apache-2.0 */
/* A loop around liblzma's decoder: fill the input, run, empty the output. */

#include <sched.h>
#include <unistd.h>

#include <lzma.h>

#include "base/file.h"
#include "bus-error.h"
#include "worker/archive.h"
#include "worker/decompress-xz.h"

#define THREADS_MAX 8U
#define MEMORY_THREADS (UINT64_C(256) << 20) /* fewer threads rather than more memory */
#define MEMORY_MAX (UINT64_C(512) << 20)     /* nobody's dictionary is larger: xz -9 needs 65 MiB */
#define INPUT_SIZE (256U * 1024U)
#define OUTPUT_SIZE (512U * 1024U)

typedef struct XzRun {
        lzma_stream stream;
        uint8_t *input, *output;
        lzma_action action; /* LZMA_FINISH once the file is at its end */
} XzRun;

static void xz_run_done(XzRun *x) {
        lzma_end(&x->stream);
        free(x->input);
        free(x->output);
}

static unsigned processors(void) {
        cpu_set_t set;

        if (sched_getaffinity(0, sizeof(set), &set) < 0)
                return 1;
        return MIN(THREADS_MAX, (unsigned) CPU_COUNT(&set));
}

static int xz_run_new(XzRun *x) {
        lzma_mt options = {
                .flags = LZMA_CONCATENATED,
                .threads = processors(),
                .memlimit_threading = MEMORY_THREADS,
                .memlimit_stop = MEMORY_MAX,
        };

        x->action = LZMA_RUN;
        x->input = malloc(INPUT_SIZE);
        x->output = malloc(OUTPUT_SIZE);
        if (!x->input || !x->output || lzma_stream_decoder_mt(&x->stream, &options) != LZMA_OK)
                return -ENOMEM;
        x->stream.next_out = x->output;
        x->stream.avail_out = OUTPUT_SIZE;
        return 0;
}

static int fill_input(XzRun *x, int fd) {
        ssize_t n;

        if (x->stream.avail_in > 0 || x->action == LZMA_FINISH)
                return 0;
        do
                n = read(fd, x->input, INPUT_SIZE);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        if (n == 0)
                x->action = LZMA_FINISH;
        x->stream.next_in = x->input;
        x->stream.avail_in = (size_t) n;
        return 0;
}

static int empty_output(XzRun *x, int out_fd) {
        int r = fd_write_all(out_fd, x->output, OUTPUT_SIZE - x->stream.avail_out);

        x->stream.next_out = x->output;
        x->stream.avail_out = OUTPUT_SIZE;
        return r;
}

static int xz_failed(lzma_ret code, const char *what, sd_bus_error *error) {
        if (code == LZMA_MEM_ERROR)
                return -ENOMEM;
        if (code == LZMA_MEMLIMIT_ERROR)
                return bus_error_set(error, LXD_ERROR_INVALID, "The %s needs more than %" PRIu64 " MiB of memory to be decompressed", what, MEMORY_MAX >> 20);
        return archive_damaged(what,
                               code == LZMA_BUF_ERROR       ? "the xz data ends too early"
                               : code == LZMA_OPTIONS_ERROR ? "it uses an xz filter that is not known"
                                                            : "the xz data is corrupt",
                               error);
}

int decompress_xz(int fd, int out_fd, const char *what, sd_bus_error *error) {
        _cleanup_(xz_run_done) XzRun x = { .stream = LZMA_STREAM_INIT };
        lzma_ret code = LZMA_OK;
        int r = xz_run_new(&x);

        while (r >= 0 && code == LZMA_OK) {
                r = fill_input(&x, fd);
                if (r < 0)
                        break;
                code = lzma_code(&x.stream, x.action);
                r = archive_check_growth((int64_t) x.stream.total_in, (int64_t) x.stream.total_out, what, error);
                if (r >= 0 && (x.stream.avail_out == 0 || code != LZMA_OK))
                        r = empty_output(&x, out_fd);
        }
        if (r < 0)
                return r == -EPIPE ? 0 : r; /* the reader has found something wrong */
        return code == LZMA_STREAM_END ? 0 : xz_failed(code, what, error);
}
