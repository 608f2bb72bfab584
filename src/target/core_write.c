#include "target/core_write.h"

#include "target/core_copy.h"

static struct error *write_image(const struct core_write_options *options, struct core_copy *copy,
                                 struct core_written *out)
{
    const struct core_image *image = copy->image;
    const struct core_file *file = copy->file;
    TRY(core_file_check_room(file, image->present_bytes));
    TRY(core_file_set_size(file, image->bytes));
    TRY(core_file_write(file, 0, image->head.data, image->head.count));
    TRY(core_copy_run(options, copy));
    *out = (struct core_written){
        .file_bytes = image->bytes,
        .disk_bytes = core_file_disk_bytes(file),
        .copied_bytes = copy->copied_bytes,
        .threads = image->threads,
        .segments = image->plan.pieces.count,
    };
    return NULL;
}

struct error *core_write(struct target *target, const struct core_write_options *options, int file,
                         const char *name, struct core_written *out)
{
    struct core_file to;
    struct core_image image = {0};
    if (target->kind != TARGET_LIVE)
        return error_create(ERROR_USAGE, "a core is written of a process that is held still");
    TRY(core_file_begin(file, name, &to));
    TRY(core_image_make(target, options->with_files, &image));
    struct core_copy copy = {.image = &image, .file = &to};
    struct error *error = write_image(options, &copy, out);
    core_image_deinit(&image);
    return error;
}
