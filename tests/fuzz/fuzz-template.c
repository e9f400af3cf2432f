/* SPDX-License-Identifier: Apache-2.0 */
/* Templates of images come from strangers: whatever the text, rendering ends, within its limits. */
#include "template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *text = strndup((const char *) data, size), *result = NULL, *message = NULL;
        Config config = {};
        Devices devices = {};
        TemplateContext context = { .trigger = "start", .path = "/x", .instance = &config, .config = &config, .devices = &devices,
                                    .properties = &config };
        int r;

        if (!text || config_set(&config, "name", "c1") < 0 || config_set(&config, "user.x", "y") < 0 ||
            devices_set(&devices, "eth0", &config) < 0)
                abort();
        r = template_render(text, &context, &result, &message);
        if ((r >= 0) != (result != NULL) || (result && strlen(result) > TEMPLATE_OUTPUT_MAX))
                abort();
        if ((r == -EINVAL) != (message && r != -E2BIG))
                abort();
        config_done(&config);
        devices_done(&devices);
        return 0;
}
