/* SPDX-License-Identifier: Apache-2.0 */
/* usage: unpack-client FORMAT METADATA ROOTFS TARGET: has an image unpacked as the storage worker does, by what listens at $LXD_UNPACK_SOCKET.
 * Prints "progress N" lines, then "done" or "error NAME TEXT". */
#include <fcntl.h>
#include <stdio.h>

#include "unpack.h"

static void on_progress(unsigned percent) {
        printf("progress %u\n", percent);
}

int main(int argc, char **argv) {
        HostError e = {};
        int metadata, rootfs, target;

        if (argc != 5)
                return EXIT_FAILURE;
        metadata = open(argv[2], O_RDONLY | O_CLOEXEC);
        rootfs = open(argv[3], O_RDONLY | O_CLOEXEC);
        target = open(argv[4], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (metadata < 0 || rootfs < 0 || target < 0) {
                perror("open");
                return EXIT_FAILURE;
        }
        if (unpack_image(argv[1], metadata, rootfs, target, on_progress, &e) < 0)
                printf("error %s %s\n", e.name ?: "", e.text ?: "no reason");
        else
                printf("done\n");
        host_error_done(&e);
        return EXIT_SUCCESS;
}
