/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a libFuzzer entry over files and folders of a corpus, so that 'meson test' replays it without libFuzzer. */

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path) {
        FILE *f = fopen(path, "re");
        uint8_t *data = NULL;
        size_t size = 0;

        if (!f) {
                perror(path);
                return 1;
        }
        for (;;) {
                uint8_t *more = realloc(data, size + 4096);
                if (!more)
                        abort();
                data = more;

                size_t n = fread(data + size, 1, 4096, f);
                if (n == 0)
                        break;
                size += n;
        }
        fclose(f);

        fprintf(stderr, "%s: %zu bytes\n", path, size);
        (void) LLVMFuzzerTestOneInput(data, size);
        free(data);
        return 0;
}

static int replay_dir(const char *path) {
        struct dirent **list;
        int n = scandir(path, &list, NULL, alphasort), failed = 0;

        if (n < 0) {
                perror(path);
                return 1;
        }
        for (int i = 0; i < n; i++) {
                if (list[i]->d_name[0] != '.') {
                        char *file;
                        if (asprintf(&file, "%s/%s", path, list[i]->d_name) < 0)
                                abort();
                        failed |= replay_file(file);
                        free(file);
                }
                free(list[i]);
        }
        free(list);
        return failed;
}

int main(int argc, char **argv) {
        int failed = argc < 2;

        for (int i = 1; i < argc; i++) {
                struct stat st;

                if (stat(argv[i], &st) < 0) {
                        perror(argv[i]);
                        failed = 1;
                } else
                        failed |= S_ISDIR(st.st_mode) ? replay_dir(argv[i]) : replay_file(argv[i]);
        }
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
