/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the parser of HTTP responses: cutting a body differently must not change what is read from it. */

#include <stdlib.h>

#include "http-parse.h"
#include "text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int read_body(const HttpHead *head, const char *data, size_t size, size_t step, Buffer *out) {
        HttpBody body;
        size_t done = 0;
        int r;

        http_body_begin(&body, head, false);
        r = body.state == HTTP_BODY_DONE;
        while (done < size && r == 0) {
                const char *content;
                size_t used, n, give = MIN(step, size - done);

                r = http_body_feed(&body, data + done, give, &used, &content, &n);
                if (used > give || n > used || (r == 0 && used == 0))
                        abort();
                buffer_append(out, content, n);
                done += used;
        }
        return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const char *text = (const char*) data;
        Buffer whole = {}, pieces = {};
        HttpHead head = {};
        ssize_t n;
        int r, q;

        n = http_head_length(text, size);
        if (n <= 0 || http_head_parse(text, (size_t) n, &head) < 0)
                return 0;
        if (head.status < 100 || head.status > 599 || (head.chunked && head.has_length))
                abort();

        r = read_body(&head, text + n, size - (size_t) n, SIZE_MAX, &whole);
        q = read_body(&head, text + n, size - (size_t) n, 3, &pieces);
        if (r != q || whole.size != pieces.size || (whole.size > 0 && memcmp(whole.data, pieces.data, whole.size) != 0))
                abort();
        buffer_done(&whole);
        buffer_done(&pieces);
        http_head_done(&head);
        return 0;
}
