/* The kept inputs of a fuzzer, once each, without libFuzzer: linked with tests/fuzz/fuzz_NAME.c.
 *
 *     fuzz_NAME FOLDER
 *
 * Exit 0: all went well, and there was at least one input. A fuzzer ends the process itself. */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { INPUT_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool replay(const char *folder, const char *name)
{
    static uint8_t bytes[INPUT_MAX];
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *f = fopen(path, "rb");
    if (!f) {
        perror(path);
        return false;
    }
    size_t n = fread(bytes, 1, sizeof(bytes), f);
    fclose(f);
    /* of its own size, so that a sanitizer sees a read behind its end */
    uint8_t *input = malloc(n ? n : 1);
    if (!input)
        return false;
    for (size_t i = 0; i < n; i++)
        input[i] = bytes[i];
    LLVMFuzzerTestOneInput(input, n);
    free(input);
    return true;
}

int main(int argc, char **argv)
{
    unsigned n = 0;
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
    if (!folder) {
        fprintf(stderr, "fuzz_replay: no folder of inputs\n");
        return 2;
    }
    for (struct dirent *e; (e = readdir(folder));) {
        if (e->d_name[0] == '.')
            continue;
        if (!replay(argv[1], e->d_name))
            return 2;
        n++;
    }
    closedir(folder);
    fprintf(stderr, "%u inputs of %s\n", n, argv[1]);
    return n ? 0 : 2;
}
