/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/command_split.h"

#include "tui/app.h"

void split_cmd_beside(struct app *app)
{
    app_split_new(app, SPLIT_BESIDE);
}

void split_cmd_below(struct app *app)
{
    app_split_new(app, SPLIT_BELOW);
}

#define SIDE(name, side)                                                                                               \
    void split_cmd_##name(struct app *app)                                                                             \
    {                                                                                                                  \
        app_split_go(app, side);                                                                                       \
    }                                                                                                                  \
    void split_cmd_resize_##name(struct app *app)                                                                      \
    {                                                                                                                  \
        app_split_resize(app, side, 1);                                                                                \
    }                                                                                                                  \
    void split_cmd_resize_##name##_5(struct app *app)                                                                  \
    {                                                                                                                  \
        app_split_resize(app, side, 5);                                                                                \
    }
SIDE(left, SPLIT_LEFT)
SIDE(right, SPLIT_RIGHT)
SIDE(up, SPLIT_UP)
SIDE(down, SPLIT_DOWN)
#undef SIDE
