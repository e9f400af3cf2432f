/* SPDX-License-Identifier: Apache-2.0 */
/* xz by several threads: libarchive knows one only, and decompressing is most of the time that an image takes. */
#pragma once

#include <systemd/sd-bus.h>

/* Decompresses the .xz file at the offset of fd (several streams in a row are one) into out_fd. A file of several blocks, as "xz -T" writes it, by a
 * thread per processor; its memory is bounded whatever the file asks for. what: for errors. A reader of out_fd who is gone is no error. 0;
 * -EINVAL with error set (damaged, incomplete, a compression bomb, needs too much memory); -ENOMEM, -errno. */
int decompress_xz(int fd, int out_fd, const char *what, sd_bus_error *error);
