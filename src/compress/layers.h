/* Layers by name: the `layers` and `exclude` parameters that passes share. */
#ifndef PARE_LAYERS_H
#define PARE_LAYERS_H

#include "compress/pass.h"

typedef struct pare_layer_choice {
  pare_name_list layers, exclude; /* layers empty: all */
} pare_layer_choice;

/* Rows of a pare_param table; `member` is the pare_layer_choice in `owner`; the texts are the rows' help. */
#define PARE_LAYER_CHOICE_ROWS(owner, member, layers_help, exclude_help)                                     \
  {.name = "layers",                                                                                         \
   .type = PARE_PARAM_LAYERS,                                                                                \
   .offset = offsetof(owner, member.layers),                                                                 \
   .unit = "",                                                                                               \
   .help = layers_help},                                                                                     \
  {                                                                                                          \
    .name = "exclude", .type = PARE_PARAM_LAYERS, .offset = offsetof(owner, member.exclude), .unit = "",     \
    .help = exclude_help                                                                                     \
  }

bool pare_names_have(const pare_name_list *list, const char *name);
bool pare_layer_chosen(const pare_layer_choice *choice, const char *node_name);
/* BAD_RECIPE names the parameter and a layer that is not in the model. */
pare_status pare_layer_choice_check(const pare_model *model, const pare_layer_choice *choice);

#endif
